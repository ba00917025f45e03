"""Names that people type: what each means in this network."""
