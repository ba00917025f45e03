"""Light curves from the fluxes of a sequence: effects of frames and pixels are removed.

Pure numpy: `detrend` is the list of steps.
"""
