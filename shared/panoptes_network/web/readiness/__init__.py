"""Readiness checks: whether storage and the database answer.

One module each: a service without a database does not load its driver.
"""
