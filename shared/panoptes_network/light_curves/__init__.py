"""Light curves as the services exchange them: columns, bits of the quality, and the Parquet file.

gce-light-curves writes them, observations-data reads them.
"""
