"""Detrended light curves: of a star by method, of all stars of a sequence, and their files."""
