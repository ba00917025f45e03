"""Pictures that people look at, rendered from raw frames.

Arrays in, arrays out: reading and writing files is up to the services.
"""
