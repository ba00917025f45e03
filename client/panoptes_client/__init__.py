"""The PANOPTES network for scientists."""
