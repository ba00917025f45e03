"""From the solved frames of a sequence to light curves, and to the stars that change.

Pixels become fluxes, fluxes become light curves, and light curves are searched.
"""
