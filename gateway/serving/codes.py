"""Why the server closes a client's socket: 4000-4499 may reconnect with backoff, 4500-4999 may not."""

from enum import IntEnum


class CloseCode(IntEnum):
    """The codes of version 1 of the protocol, and the two of RFC 6455 that are used."""

    SHUTTING_DOWN = 1001
    INTERNAL_ERROR = 1011
    TOO_SLOW = 4408
    SILENT = 4409
    UNAUTHORIZED = 4501
    PROTOCOL_ERROR = 4503
    POLICY = 4508
