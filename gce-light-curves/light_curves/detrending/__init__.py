"""From the fluxes of a sequence to light curves: what frames and pixels did to them is taken out.

Pure numpy: `detrend` is the list of steps.
"""
