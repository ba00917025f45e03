"""Observations and their images: routes, queries, response schemas and tables.

`search` selects observations; `exports` writes them for other programs.
"""
