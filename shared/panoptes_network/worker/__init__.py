"""What every pull worker has: a subscription, parts it depends on, a health endpoint, a life."""
