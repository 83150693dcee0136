"""Why the server closes a client's socket: 4000-4499 may reconnect with backoff, 4500-4999 may not."""

from enum import IntEnum


class CloseCode(IntEnum):
    """The codes of version 1 of the protocol, and those that are registered for everybody."""

    SHUTTING_DOWN = 1001
    INTERNAL_ERROR = 1011
    STREAM_LOST = 1012
    TOO_SLOW = 4408
    SILENT = 4409
    UNAUTHORIZED = 4501
    PROTOCOL_ERROR = 4503
    POLICY = 4508
    DISMISSED = 4510
