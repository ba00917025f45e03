"""Candidates: stars with a transit or variability found in their light curves."""
