"""Canon camera raw files: their structure, metadata and pixels.

All statements in a file are checked against its size, and every file is checked here before LibRaw
opens it.
"""
