"""From an uploaded file to its products: a temporary folder, an isolated process, the steps.

The converters use all of it; the workers use the folder and the process.
"""
