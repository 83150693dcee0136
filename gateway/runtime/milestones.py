"""What one epoch tells traces after the fact: that its first datum came, and what happened in its account."""

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.observer import ACCOUNT_EVENT, FIRST_DATA
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground


class Milestones:
    """
    One epoch's. Event-loop only.

    Args:
        number: of the epoch.
        connection: which it serves.
        ground: has the clock and whoever is told.
    """

    def __init__(self, number: int, connection: Connection, ground: Ground) -> None:
        self._number = number
        self._connection = connection
        self._ground = ground
        self._begun_us = ground.wall_us()
        self._flows = False

    def flows(self) -> None:
        """A stream delivers for the first time; of all streams the first is told."""
        if not self._flows:
            self._flows = True
            self._tell(FIRST_DATA, begun_us=self._begun_us, at_us=self._ground.wall_us())

    def check(self) -> None:
        """Tell what happened in the account since this was called last."""
        if self._connection.account is None:
            return
        for feed in self._connection.feeds.values():
            if isinstance(feed, AccountFeed):
                for channel, ts, recv_us in feed.lately():
                    account = self._connection.account
                    self._tell(ACCOUNT_EVENT, account=account, channel=channel, begun_us=ts, at_us=recv_us)

    def _tell(self, what: str, **facts: object) -> None:
        self._ground.observer.noticed(self._connection.id, self._number, what, **facts)
