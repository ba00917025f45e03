"""The star catalog: files that it is loaded from, loading, and looking stars up."""
