"""Lets a bench import the services' own packages: import this first.

A service's folder is on the path of its own process only, so that none is installed.
"""

import sys
from pathlib import Path

_HERE = Path(__file__).parents[1]

sys.path[:0] = [str(folder) for kind in ("gce-*", "cf-make-*") for folder in _HERE.glob(kind)]
