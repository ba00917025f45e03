"""The flux of every catalog star of a frame, by a PSF that is fitted to the sequence.

Pixels in, fluxes out: nothing here knows of time, weather or other nights.
"""
