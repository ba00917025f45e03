"""Photometry of every catalog star of a frame, with a PSF fitted to the sequence.

Pixels in, fluxes out: independent of time, weather and other nights.
"""
