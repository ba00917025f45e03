"""Messages to units' owners: finished nights, and units that went silent."""
