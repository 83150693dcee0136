"""Messages that were received and not read yet: bounded, and whoever fills it waits."""

import asyncio
from collections import deque
from typing import Final

from gateway.client.contiguity import Message
from gateway.errors import ConnectionFault

AHEAD: Final = 10
"""How many times fuller it may get while an answer is awaited, which comes behind these messages."""


class Inbox:
    """
    A queue between the socket and its one reader. Event-loop only.

    Args:
        limit: messages from which on the socket is not read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._end: ConnectionFault | None = None
        self._ended = False

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Queue a message; wait for :meth:`room` before the next."""
        self._messages.append(message)
        self._changed.set()

    def room(self, *, ahead: bool) -> bool:
        """Whether another message may be put; ``ahead`` while an answer is awaited."""
        return len(self._messages) < (self._limit * AHEAD if ahead else self._limit)

    def end(self, error: ConnectionFault | None) -> None:
        """Nothing more will come; readers get what is there, then ``error``."""
        if not self._ended:
            self._ended, self._end = True, error
        self._changed.set()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    async def get(self) -> Message | None:
        """
        Return the next message, nothing once it ended without an error and all was read.

        Raises:
            ConnectionFault: What it ended with, once all was read.
        """
        while not self._messages:
            if self._ended:
                if self._end is not None:
                    raise self._end
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()
