"""What a client heard, in files, and served again from them; how the files are read is for every program."""

from gateway.recording.reading import Batch, Torn, read, segments
from gateway.recording.spelling import Header, Line

__all__ = ["Batch", "Header", "Line", "Torn", "read", "segments"]
