"""Searches for transits and variable stars, in a sequence and over a star's nights."""
