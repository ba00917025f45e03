"""HTTP for the services: endpoints, guards against bad requests, calls between services.

Import only the modules you need: not every service has Flask, storage or a database.
"""
