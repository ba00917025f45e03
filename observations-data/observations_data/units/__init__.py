"""Units and their nights: how many images there are, and the report of a night.

`queries` counts images in the database; `night` gathers the facts of a night's report.
"""
