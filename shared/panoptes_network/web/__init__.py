"""HTTP as the services speak it: endpoints, guards against bad requests, calls between services.

A service imports only the modules that it needs: not all have Flask, storage or a database.
"""
