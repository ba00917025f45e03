"""Light curves as exchanged between services: columns, quality bits, and the Parquet file.

gce-light-curves writes them and observations-data reads them.
"""
