"""The content of each page: fetched from observations-data, and prepared for its template.

A module serves one page, or the filters or a section of one.
"""
