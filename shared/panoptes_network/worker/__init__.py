"""Shared parts of the pull workers: subscription, dependencies, health endpoint, loop."""
