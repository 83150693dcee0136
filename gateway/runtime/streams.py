"""
How each stream of one epoch is brought up, asked for, asked for anew and let go.

However many wishes change in one turn of the event loop, the exchange is asked
once, for all of them. What is asked for anew flows at once from where it flows
again, but something may be missing before that, and its listeners are told so.
"""

import asyncio
from collections.abc import Callable, Sequence

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.ledger import StreamState
from gateway.errors import GatewayError, PluginError, Reason
from gateway.runtime.bookrules import book_rule
from gateway.runtime.means import Means
from gateway.runtime.snapshots import Snapshots
from gateway.runtime.subscriber import Subscriber
from gateway.spi.dialect import Dialect


class Streams:
    """
    The streams of one epoch. Event-loop only; :meth:`stop` it, then :meth:`close` it.

    Args:
        means: of the epoch.
        dialect: builds requests and has the rules of books.
        settled: called whenever something may have been settled.
    """

    def __init__(self, means: Means, dialect: Dialect, settled: Callable[[], None]) -> None:
        self._means = means
        self._connection = means.connection
        self._ground = ground = means.ground
        self._dialect = dialect
        self._settled = settled
        self._asking: asyncio.Handle | None = None
        self._anew: dict[str, str] = {}
        """Streams that were given up to be asked for anew, and why."""
        self.subscriber = Subscriber(
            ground.exchange,
            self._connection,
            dialect,
            means.writer,
            ground.now,
            ground.wall_us,
            settled,
        )
        self.snapshots = Snapshots(
            ground.exchange,
            means.rest,
            self.ask_again,
            self._snapshot_failed,
            means.during,
            ground.now,
            ground.wall_us,
            ground.rng,
        )

    def restore(self, streams: Sequence[str]) -> None:
        """
        Ask for ``streams``, but those that nobody wants any more.

        Raises:
            PluginError: If the plugin broke the contract.
        """
        connection = self._connection
        for feed in tuple(connection.feeds.values()):
            self._arm(feed)
        wanted = tuple(stream for stream in streams if connection.ledger.entry(stream) is not None)
        requests = self._ground.binding.restore_subscriptions(connection.target, self._dialect, wanted)
        self.subscriber.restore(wanted, requests)

    def stop(self) -> None:
        """Ask for nothing more."""
        if self._asking is not None:
            self._asking.cancel()

    async def close(self) -> None:
        """Give up what is still being fetched."""
        await self.snapshots.close()

    def check(self, now: float) -> None:
        """Do what is due; ``now`` is monotonic seconds."""
        self.subscriber.apply(self._connection.ledger.overdue(now))
        self.subscriber.reconcile()
        self.snapshots.check()

    # --- wishes

    def wishes_changed(self) -> None:
        """Ask and give up, once in this turn of the event loop however many wishes changed."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().call_soon(self._reconcile)

    def _reconcile(self) -> None:
        self._asking = None
        try:
            self.subscriber.reconcile()
        except PluginError as broken:
            self._means.fail(broken)
        self._settled()  # the last unanswered wish may have been taken back

    def joined(self, feed: Feed) -> None:
        """Bring ``feed`` up; a book or an account whose stream flows already must be fetched."""
        try:
            self.begin(feed)
        except PluginError as broken:
            self._means.fail(broken)
            return
        entry = self._connection.ledger.entry(feed.stream)
        if entry is None or entry.state is not StreamState.CONFIRMED:
            return
        if isinstance(feed, BookFeed):
            self._join(feed)
        elif isinstance(feed, AccountFeed):
            feed.confirmed(self._ground.wall_us())

    def _join(self, feed: BookFeed) -> None:
        if feed.sync is not None and callable(feed.sync.rule.snapshot):
            feed.confirmed(self._ground.wall_us())
        else:
            self.ask_again(feed.stream)

    def left(self, feed: Feed) -> None:
        """Nobody wants ``feed`` any more; whoever wants its stream again finds nothing of it."""
        if feed.stream not in self._connection.feeds:
            self._anew.pop(feed.stream, None)
        if isinstance(feed, BookFeed):
            self.snapshots.forget(feed)

    # --- one stream

    def begin(self, feed: Feed) -> None:
        """
        Make ``feed`` ready for its stream to begin, or to begin anew.

        Raises:
            PluginError: If it has no rules for a book.
        """
        if isinstance(feed, BookFeed):
            self.snapshots.forget(feed)
        feed.begin()
        self._arm(feed)

    def _arm(self, feed: Feed) -> None:
        if isinstance(feed, BookFeed):
            feed.arm(book_rule(self._ground.exchange, self._dialect, feed.stream))

    def ask_again(self, stream: str) -> None:
        """Have ``stream`` given up and asked for anew."""
        if feed := self._connection.feeds.get(stream):
            self._anew[stream] = feed.reason or Reason.SUBSCRIBED
            feed.fresh = True
        self._connection.ledger.ask_again(stream)
        self.wishes_changed()

    def first(self, feed: Feed) -> None:
        """``feed`` delivers and is not known to be served yet: that may settle a request, and it flows now."""
        ledger = self._connection.ledger
        self.subscriber.apply(ledger.datum(feed.stream))
        entry = ledger.entry(feed.stream)
        feed.fresh = entry is not None and entry.state is not StreamState.CONFIRMED
        if feed.stream in self._anew and not (feed.fresh and ledger.is_given_up(feed.stream)):
            feed.served_anew(self._anew.pop(feed.stream))
        feed.delivers(self._ground.wall_us())

    def _snapshot_failed(self, stream: str, fault: GatewayError) -> float:
        if isinstance(fault, PluginError):
            self._means.notice("plugin_error", str(fault))
        else:
            self._means.notice("resync_failed", f"{stream}: {self._means.judge.words(fault)}")
        return self._means.judge.wait_after(fault)
