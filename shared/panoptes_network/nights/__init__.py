"""The report of a unit's night: statistics, findings, advice, and the command that prints it.

observations-data fetches the rows for the report.
"""
