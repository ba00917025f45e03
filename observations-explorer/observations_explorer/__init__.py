"""observations-explorer: the network's observations as web pages, from observations-data's JSON.

`routes` has the addresses, `pages` what each page shows, `charts` and `maps` what is drawn on it.
"""
