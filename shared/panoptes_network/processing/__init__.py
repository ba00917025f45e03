"""From an uploaded file to its products: a temporary folder, a process of its own, the steps.

The converters run all of it; the workers use the folder and the process.
"""
