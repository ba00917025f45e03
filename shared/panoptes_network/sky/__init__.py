"""Positions on the sky: directions, HEALPix cells, declination zones, projections of frames.

Pure geometry, and SQL conditions for positions.
"""
