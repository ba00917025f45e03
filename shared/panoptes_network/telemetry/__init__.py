"""Logs, traces and counters of every service.

It knows the settings, and nothing else of the network.
"""
