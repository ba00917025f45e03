"""Frames as cameras write them: FITS and CR2 files, their headers and their pixels.

These modules work on files or bytes only, without storage or the database.
"""
