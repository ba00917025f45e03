"""Maps of the sky and drawings over pictures, as geometry for SVG templates.

`projection` has the mathematics; the other modules draw one map each.
"""
