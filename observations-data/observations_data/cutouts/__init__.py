"""Pieces of solved frames as FITS files."""
