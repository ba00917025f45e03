"""What every pull worker has: a subscription, dependencies, a health endpoint, a loop."""
