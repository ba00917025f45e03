"""A small Pub/Sub server for the local network: ``python -m local.broker --help``."""
