"""Cutouts of solved frames as FITS files."""
