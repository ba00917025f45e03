"""Light curves and candidates from the solved frames of a sequence.

Pixels become fluxes, fluxes become light curves, and light curves are searched.
"""
