"""Bits of a source's `flags`, as source-extractor's manual has them."""

SATURATED_FLAG = 4
"""At least one pixel of the source is saturated, or nearly so."""
