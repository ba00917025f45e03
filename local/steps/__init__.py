"""Preparation steps of components; each creates only what is missing.

Each is a separate program, ``python -m local.steps.topics``, with few imports: imports are most of
the time of a start.
"""
