"""Transits and variable stars in the light curves of a sequence, and of a star's nights."""
