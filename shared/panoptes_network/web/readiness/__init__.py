"""Readiness checks of storage and the database.

They are separate modules, so that a service without a database does not load its driver.
"""
