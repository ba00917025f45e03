"""Pictures for people, rendered from raw frames.

Arrays in, arrays out: services read and write the files.
"""
