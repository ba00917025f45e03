"""What units' owners are told: finished nights, and units that went silent."""
