"""observations-explorer: the network's observations as web pages, from observations-data's JSON.

`routes` has the URLs, `pages` the content of each page, `charts` and `maps` its drawings.
"""
