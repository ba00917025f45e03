"""What every route needs of HTTP: query parameters, headers, problems, files as streams.

Nothing here knows what the service serves.
"""
