"""
One exchange's own protocol, for clients that were written for it: its plugin's words, and what the gateway has.

Nothing of it is made before the first such client comes.
"""

from collections.abc import Callable, Mapping

from gateway.engine.bookfeed import BookFeed
from gateway.engine.native import Wrap
from gateway.errors import GatewayError, PluginError
from gateway.host.native import NativeSide
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.kept import Kept, Unavailable
from gateway.runtime.links import Links
from gateway.runtime.rest import Rest
from gateway.spi.books import BookSnapshot
from gateway.spi.contract import Target
from gateway.spi.native import NativeBook, NativeClient, NativeFetch, NativeGreeting, NativeTurn
from gateway.spi.steps import HttpReply


class NativeProtocol:
    """
    A :class:`~gateway.engine.native.NativeExchange`. Event-loop only.

    Args:
        side: what the plugin says.
        ground: what the exchange stands on.
        links: its connections, whose books are told.
        target: of requests.
        resync_clock: called when the exchange says that our clock is wrong.
    """

    def __init__(
        self, side: NativeSide, ground: Ground, links: Links, target: Target, resync_clock: Callable[[], None]
    ) -> None:
        self._side = side
        self._ground = ground
        self._links = links
        self._name = f"{ground.exchange}/native"
        self._judge = Judge(self._name, target, ground, resync_clock)
        budgets = ground.budgets.for_connection(ground.info.limits, None, ground.exchange)
        rest = Rest(ground.exchange, ground.network, budgets, ground.info.limits, ground.now)
        self._kept = Kept(rest, budgets, self._failed, ground.now)

    @property
    def wrap(self) -> Wrap:
        """See :class:`~gateway.engine.native.NativeExchange`."""
        return self._side.wrap

    def greet(self, path: str, query: Mapping[str, str], /) -> NativeGreeting | HttpReply:
        """See :class:`~gateway.engine.native.NativeExchange`."""
        return self._side.greet(path, query)

    def hear(self, client: NativeClient, text: str, /) -> NativeTurn:
        """See :class:`~gateway.engine.native.NativeExchange`."""
        return self._side.hear(client, text)

    def refuse(self, text: str | None, code: str, words: str, /) -> str:
        """See :class:`~gateway.engine.native.NativeExchange`."""
        return self._side.refuse(text, code, words)

    async def answer(self, method: str, path: str, query: Mapping[str, str], /) -> HttpReply:
        """See :class:`~gateway.engine.native.NativeExchange`."""
        answer = self._side.answer(method, path, query)
        if isinstance(answer, NativeBook):
            book = self._book(answer)
            if book is not None:
                return self._side.render(answer, book)
            answer = answer.otherwise
        return await self._fetched(answer) if isinstance(answer, NativeFetch) else answer

    async def close(self) -> None:
        """Give up whatever is being asked."""
        await self._kept.close()

    async def _fetched(self, wish: NativeFetch) -> HttpReply:
        try:
            return await self._kept.get(wish)
        except Unavailable as not_now:
            return self._side.unavailable(not_now.after)

    def _book(self, wish: NativeBook) -> BookSnapshot | None:
        """Return the best levels if some connection keeps the book and knows it that deep."""
        for link in self._links.all.values():
            feed = link.connection.feeds.get(wish.stream)
            if isinstance(feed, BookFeed) and feed.sync is not None and link.connection.account is None:
                return feed.sync.best(wish.levels)
        return None

    def _failed(self, fault: GatewayError) -> None:
        """Heed what the exchange asks of everybody from this address."""
        self._judge.wait_after(fault)
        if isinstance(fault, PluginError):
            self._ground.observer.noticed(self._name, 0, "plugin_error", error=str(fault))


def native_protocol(
    ground: Ground, links: Links, target: Target, resync_clock: Callable[[], None]
) -> NativeProtocol | None:
    """Return the exchange's own protocol; nothing if its plugin has none, or fails at it."""
    try:
        side = ground.binding.native(target)
    except PluginError as broken:
        ground.observer.noticed(f"{ground.exchange}/native", 0, "plugin_error", error=str(broken))
        return None
    return None if side is None else NativeProtocol(side, ground, links, target, resync_clock)
