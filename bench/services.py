"""Lets a bench import the services' own packages: import this first.

A service's folder is on the path of its own process only, so that none is installed.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).parents[1].glob("gce-*")]
