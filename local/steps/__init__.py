"""What has to be there before a component can work; each step makes only what is missing.

Each is a program of its own, ``python -m local.steps.topics``, with only the imports that
it needs: together they are most of what a start waits for.
"""
