"""Camera raw files of Canon cameras: what they are, what they say, what their pixels are.

Nothing a file says is believed before it is checked against its size, and nothing that
LibRaw opens has not been looked at here first.
"""
