"""The responses of observations-data, as types: its OpenAPI schemas are derived from them.

Records are as in JSON. observations-data makes them of the database's rows; the explorer reads
them.
"""
