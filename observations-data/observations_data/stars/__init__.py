"""Sources of an image; a star with its visits, stamps and light curves."""
