"""From a frame in the bucket to its solution, its sources and their stamps."""
