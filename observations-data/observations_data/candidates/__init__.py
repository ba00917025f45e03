"""Candidates: stars in whose light curves a search found a transit, or that vary."""
