"""observations-data: the network's observations, images and stars as JSON and tables.

Each subpackage is a topic with its own `routes`; `database`, `files` and `http` serve them all.
"""
