"""One connection with the task that owns it: which epochs it has, and who wants it."""

import asyncio
from dataclasses import dataclass, field

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.runtime.candidate import Candidate
from gateway.runtime.connection import Connection
from gateway.runtime.judge import Judge
from gateway.runtime.supervisor import Supervisor
from gateway.spi.contract import Target


@dataclass(slots=True, eq=False)
class Link:
    """
    One connection and the task that owns it.

    ``connection`` is the one that serves; ``candidate`` may be about to follow it.
    ``target`` is what its next epoch logs in to. ``pinned`` tells that an operator
    wants it, streams or not; ``hopes`` counts the operators who still wait to see it up.
    One that is ``draining`` gets no new streams;
    ``drained_us`` is when that was asked for, until it is told that it is over.
    """

    connection: Connection
    judge: Judge
    target: Target
    supervisor: Supervisor = field(init=False)
    task: "asyncio.Task[None]" = field(init=False)
    pinned: bool = False
    hopes: int = 0
    draining: bool = False
    drained_us: int | None = None
    candidate: Candidate | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether a stream or an operator wants it."""
        return bool(self.connection.feeds or self.pinned or self.hopes)

    @property
    def is_outdated(self) -> bool:
        """Whether the present epoch logged in with credentials that have been replaced."""
        return self.connection.target is not self.target

    def want(self, feed: Feed, *, is_new: bool) -> None:
        """Count one more wish for the stream of ``feed``; ``is_new`` if a serving epoch must bring it up."""
        self.connection.want(feed, is_new=is_new)
        if self.candidate is not None:
            self.candidate.want(feed)

    def release(self, feed: Feed, *, is_last: bool) -> None:
        """Count one wish less; after the last the stream is carried no longer."""
        self.connection.release(feed, is_last=is_last)
        if self.candidate is not None:
            self.candidate.release(feed.stream, is_last=is_last)

    def pace_changed(self) -> None:
        """The operator's settings of the exchange are others."""
        both = (self.connection, None if self.candidate is None else self.candidate.connection)
        for connection in both:
            if connection is not None and connection.serving is not None:
                connection.serving.pace_changed()

    def ask_snapshot(self, feed: BookFeed) -> None:
        """Have whichever epoch serves fetch a snapshot."""
        self.connection.ask_snapshot(feed)

    def ask_account(self, feed: AccountFeed) -> bool:
        """Have whichever epoch serves fetch an account; returns whether it can."""
        return self.connection.ask_account(feed)
