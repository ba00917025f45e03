"""Code shared by the services of the PANOPTES network. It depends on no service."""
