"""A catalog star: its entry, visits, stamps and raw light curves."""
