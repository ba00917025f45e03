"""Logs, traces and metrics of every service.

It depends on the settings and on nothing else in the network.
"""
