"""Names that people type, resolved to positions without a network.

The tables are made by bin/star_names.py; docs/decisions/0038-names.md names their sources.
"""
