"""Charts as geometry for SVG templates: what lies where, never how it looks.

Each module draws one kind; `chart` and `axes` are what the large ones share.
"""
