"""The star catalog: file formats, loading, and lookup of stars."""
