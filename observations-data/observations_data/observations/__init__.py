"""Observations and their images: routes, queries, response schemas and tables.

`search` finds observations; `exports` writes them for other programs.
"""
