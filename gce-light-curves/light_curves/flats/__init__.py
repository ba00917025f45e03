"""Pixel flats: the relative sensitivity of a camera's pixels, from the sky of its frames.

Each sequence adds sums to the bucket, from which versions of the flat are made.
"""
