"""Charts as geometry for SVG templates: positions, not styles.

Each module draws one kind of chart; `chart` and `axes` are shared by the large ones.
"""
