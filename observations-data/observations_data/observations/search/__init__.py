"""Searches of observations: parameters, SQL conditions, order, position."""
