"""Standard output whose reader may leave early, as in `command | head -1`."""

import io
import os
import sys

from typing_extensions import Buffer


class _DiscardingFile(io.FileIO):
    """A file descriptor that discards output once its reader has left."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            # Programs that this one starts inherit the descriptor.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def outlive_reader() -> None:
    """Let this process finish its work after the reader of its output has left.

    Does nothing unless standard output is a pipe or file of its own.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream is not sys.__stdout__:
        return
    if stream.isatty():
        return
    stream.flush()
    raw = io.BufferedWriter(_DiscardingFile(stream.fileno(), "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors)
