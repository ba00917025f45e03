"""``python -m simulator`` runs the console script ``simulate``."""

from simulator.cli import main

main()
