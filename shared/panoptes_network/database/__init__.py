"""The network's database `metadata`: its tables, its connections, its migrations."""
