"""``python -m panoptes_client`` runs the command ``panoptes-network``."""

from panoptes_client.cli import main

main(prog_name="panoptes-network")
