"""The files of a sequence's light curves: Parquet for programs, FITS for astronomers.

Both are written from the same columns.
"""
