"""HTTP for all routes: query parameters, headers, problems, files as streams.

It does not depend on the service's data.
"""
