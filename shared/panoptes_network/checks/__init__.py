"""Whether what a service depends on answers: one module for each, of what that service has."""
