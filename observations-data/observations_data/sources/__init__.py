"""Routes of the sources of an image and of a star: its visits, stamps, curves and candidates."""
