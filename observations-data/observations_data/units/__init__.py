"""Units and their nights: numbers of images, and the report of a night.

`queries` counts images in the database; `night` collects the facts for a night's report.
"""
