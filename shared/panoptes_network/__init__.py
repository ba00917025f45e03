"""What the services of the PANOPTES network share. It knows none of them."""
