"""Places on the sky: directions, HEALPix cells, zones of declination, projections of frames.

Pure geometry, and the conditions by which the database finds places.
"""
