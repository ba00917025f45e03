"""How the network does as a whole: what it has taken, what waits, whether all is there."""
