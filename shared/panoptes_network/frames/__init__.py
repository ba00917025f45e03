"""Frames as cameras write them: FITS and CR2 files, their headers and their pixels.

Everything here works on files or bytes alone: nothing reaches for storage or the database.
"""
