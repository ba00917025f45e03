"""``python -m simulator`` is the same as the console script ``simulate``."""

from simulator.cli import main

main()
