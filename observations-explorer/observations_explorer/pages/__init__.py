"""What each page shows: fetched from observations-data, and shaped for its template.

A module serves one page, or the filters or a section of one.
"""
