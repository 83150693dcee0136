"""
One exchange as clients see it: what it offers, and which stream feeds which topic.

Event-loop only.
"""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import PluginError, Reason, SubscriptionError
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.instruments import ListChange
from gateway.model.subscriptions import RAW, Subscription
from gateway.runtime.backfill import Backfill
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.ground import Ground, Pace
from gateway.runtime.link import Link
from gateway.runtime.links import Links
from gateway.runtime.native import NativeProtocol, native_protocol
from gateway.runtime.reference import Reference
from gateway.spi.contract import Channel, Route, Scope

BOOK: Final = "book"


class Exchange:
    """
    An :class:`~gateway.engine.hub.Upstream`. :meth:`start` it, later :meth:`stop` it.

    Args:
        ground: its plugin, network, limits and clocks.
        clock: the exchange's, corrected when it says so.
        accounts: those that the configuration has at this exchange.
    """

    def __init__(self, ground: Ground, clock: ExchangeClock, accounts: frozenset[str] = frozenset()) -> None:
        self.ground = ground
        self._accounts = accounts
        self._channels: Mapping[str, Channel] = {channel.name: channel for channel in ground.info.channels}
        anywhere = ground.info.endpoints[0].name
        self.reference = Reference(ground, ground.target(anywhere, None), clock, self._listed)
        self.links = Links(ground, self.reference.resync_clock)
        self._backfill = Backfill(ground, ground.target(anywhere, None), self.reference.resync_clock)
        shared = tuple(limit for limit in ground.info.limits if limit.scope is Scope.IP)
        self._budgets = ground.budgets.for_connection(shared, None, ground.exchange)
        self.used: Mapping[str, tuple[int, int]] = {}
        """How much of each limit of this address is used, and allowed; replaced, so any thread may read it."""
        self.look_at_limits(ground.now())
        self._fed: dict[str, tuple[Link, str]] = {}
        """Each topic's connection and stream."""
        self._parked: dict[str, Topic] = {}
        """Topics that wait for the list of instruments."""
        self._orphans: dict[str, Topic] = {}
        """Topics whose account or symbol is gone; they are fed again if it comes back."""
        self._task: asyncio.Task[None] | None = None
        self._protocol: NativeProtocol | None = None
        self._is_protocol_known = False

    def start(self) -> None:
        """Fetch what is to be known of the exchange, in the background."""
        self._task = asyncio.create_task(self.reference.run(), name=f"gateway reference {self.ground.exchange}")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Close every connection."""
        await self.links.stop()
        await self.links.rights.stop()
        await self._backfill.stop()
        if self._protocol is not None:
            await self._protocol.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def look_at_limits(self, now: float) -> None:
        """Bring :attr:`used` up to date; ``now`` is monotonic seconds."""
        self.used = MappingProxyType(self._budgets.used(now))

    def native(self) -> NativeProtocol | None:
        """Return its own protocol, for clients that speak that; nothing if its plugin has none."""
        if not self._is_protocol_known:
            self._is_protocol_known = True
            target = self.ground.target(self.ground.info.endpoints[0].name, None)
            self._protocol = native_protocol(self.ground, self.links, target, self.reference.resync_clock)
        return self._protocol

    # --- what a changed configuration asks for

    def change_pace(self, pace: Pace) -> None:
        """Have every connection live by ``pace`` from now on, without another epoch."""
        self.ground.pace = pace
        self.links.pace_changed()

    def change_accounts(self, accounts: frozenset[str], renewed: frozenset[str]) -> None:
        """
        Have ``accounts`` from now on; those in ``renewed`` have other credentials than before.

        Where the account of a topic is gone its listeners are told, and its connection closes.
        """
        gone, come = self._accounts - accounts, accounts - self._accounts
        self._accounts = accounts
        for account in gone:
            self._orphan(account)
            self.links.dismiss(account)
        for account in come | renewed:
            self.links.log_in_anew(account)
        for topic in [one for one in self._orphans.values() if one.subscription.account in come]:
            self._adopt(self._orphans.pop(topic.name))

    def _orphan(self, account: str) -> None:
        for topic in self.links.topics_of(account):
            self.close(topic)
            self._orphans[topic.name] = topic
            topic.become(TopicStatus.CLOSED, "unknown_account", self.ground.wall_us())

    def _adopt(self, topic: Topic) -> None:
        """What ``topic`` had lost is there again: what comes next comes after a hole, if anything ever came."""
        at_us = self.ground.wall_us()
        topic.become(TopicStatus.PENDING, "", at_us)
        if self._feed_late(topic) and topic.offset:
            link, stream = self._fed[topic.name]
            link.connection.feeds[stream].lost(Reason.STOPPED, at_us)

    # --- Upstream

    async def resolve(self, wish: Subscription, /) -> Subscription:
        """See :meth:`gateway.engine.hub.Upstream.resolve`."""
        channel = self._channel(wish)
        self._check_account(wish, channel)
        if channel.name == RAW:
            return wish
        self._check_variant(wish, channel)
        instruments = await self.reference.instruments()  # accounts' records have symbols, too
        if instruments is None or wish.account is not None:
            return wish
        symbol = (await self.reference.find(wish.symbol)).symbol
        return Subscription(wish.exchange, wish.channel, symbol, wish.variant)

    def open(self, topic: Topic, /) -> None:
        """See :meth:`gateway.engine.hub.Upstream.open`."""
        wish = topic.subscription
        listed = self.reference.is_listed or not self.reference.has_list
        if not listed and wish.channel != RAW and wish.account is None:
            self._parked[topic.name] = topic
            return
        try:
            self._feed(topic, self._native(wish))
        except PluginError as broken:
            self.ground.observer.noticed(self.ground.exchange, 0, "plugin_error", error=str(broken))
            raise SubscriptionError("plugin_error", f"the plugin of {wish.exchange} cannot serve it") from broken

    def close(self, topic: Topic, /) -> None:
        """Feed ``topic`` no longer."""
        self._parked.pop(topic.name, None)
        self._orphans.pop(topic.name, None)
        link, stream = self._fed.pop(topic.name, (None, ""))
        if link is None:
            return
        feed = link.connection.feeds[stream]
        link.release(feed, is_last=feed.remove(topic))
        if not link.connection.feeds:
            self.links.let_go(link)

    # --- how a topic is fed

    def _feed(self, topic: Topic, wish: Subscription) -> None:
        """Feed ``topic``; ``wish`` is what it is about, in the exchange's own spelling."""
        route = self._route(wish)
        link = self.links.place(route)
        feed, is_new = self._feed_for(link, route.stream, wish)
        feed.add(topic)
        self._fed[topic.name] = (link, route.stream)
        link.want(feed, is_new=is_new)
        self.links.bring_up(link)

    def _feed_for(self, link: Link, stream: str, wish: Subscription) -> tuple[Feed, bool]:
        """Return the stream's listeners' side, and whether a serving epoch does not know it yet."""
        present = link.connection.feeds.get(stream)
        if present is not None and (wish.channel == RAW or present.topics):
            return present, False
        feed = self._new_feed(link, stream, wish)
        return feed, link.connection.carry(feed)

    def _new_feed(self, link: Link, stream: str, wish: Subscription) -> Feed:
        channel = self._channels[wish.channel]
        if channel.name == BOOK:
            return BookFeed(stream, link.ask_snapshot, rhythm=channel.rhythm)
        if channel.name in ACCOUNT_RECORDS:
            return AccountFeed(stream, link.ask_account, rhythm=channel.rhythm)
        feed = Feed(stream, rhythm=channel.rhythm, contiguous=channel.contiguous)
        if channel.contiguous:
            self._backfill.serve(feed, link, wish)
        return feed

    def _native(self, wish: Subscription) -> Subscription:
        """Return ``wish`` in the exchange's own spelling."""
        if wish.channel == RAW or wish.account is not None or not self.reference.is_listed:
            return wish
        native = self.ground.instruments.find(wish.exchange, wish.symbol).native
        return Subscription(wish.exchange, wish.channel, native, wish.variant)

    def _route(self, wish: Subscription) -> Route:
        ground = self.ground
        endpoint = ground.info.endpoints[0].name
        route = ground.binding.route(ground.target(endpoint, wish.account), wish)
        if route is None:
            raise SubscriptionError("not_offered", f"{wish.exchange} does not offer {wish.topic}")
        return route

    def _listed(self, changes: Sequence[ListChange]) -> None:
        """The list of instruments is there: feed what waited for it, and see to what has changed."""
        parked, self._parked = self._parked, {}
        for topic in parked.values():
            self._feed_late(topic)
        gone = {change.instrument.symbol for change in changes if change.what == "delisted"}
        for topic in self._topics_of(gone):
            self.close(topic)
            self._orphans[topic.name] = topic
            topic.become(TopicStatus.CLOSED, Reason.DELISTED, self.ground.wall_us())
        come = {change.instrument.symbol for change in changes if change.what == "listed"}
        for topic in [one for one in self._orphans.values() if one.subscription.symbol in come]:
            self._adopt(self._orphans.pop(topic.name))

    def _topics_of(self, symbols: set[str]) -> list[Topic]:
        """Return the topics of ``symbols`` that are fed; streams of the exchange's own names are nobody's."""
        return [
            topic
            for link in self.links.all.values()
            for feed in link.connection.feeds.values()
            for topic in feed.topics
            if topic.subscription.account is None and topic.subscription.symbol in symbols
        ]

    def _feed_late(self, topic: Topic) -> bool:
        """Feed a topic that is open already; one that cannot be had is closed, and false returned."""
        try:
            self._feed(topic, self._native(topic.subscription))
        except SubscriptionError as refused:
            topic.become(TopicStatus.CLOSED, refused.code, self.ground.wall_us())
        except PluginError as broken:
            topic.become(TopicStatus.CLOSED, "plugin_error", self.ground.wall_us())
            self.ground.observer.noticed(self.ground.exchange, 0, "plugin_error", error=str(broken))
        else:
            return True
        return False

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """It ends only when it is told to; anything else is a defect of ours and is said aloud."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self.ground.observer.noticed(f"{self.ground.exchange}/rest", 0, "internal_error", error=repr(exc))

    # --- what is refused

    def _channel(self, wish: Subscription) -> Channel:
        channel = self._channels.get(wish.channel)
        if channel is None:
            known = ", ".join(self._channels)
            raise SubscriptionError(
                "unknown_channel", f"{wish.exchange} has no channel {wish.channel} (it has: {known})"
            )
        return channel

    def _check_account(self, wish: Subscription, channel: Channel) -> None:
        if channel.name != RAW and channel.private != (wish.account is not None):
            needs = "needs an account" if channel.private else "has no account"
            raise SubscriptionError("bad_request", f"channel {wish.channel} of {wish.exchange} {needs}")
        if wish.account is not None and wish.account not in self._accounts:
            raise SubscriptionError("unknown_account", f"no account {wish.account} at {wish.exchange}")

    @staticmethod
    def _check_variant(wish: Subscription, channel: Channel) -> None:
        if wish.variant in channel.variants:
            return
        known = ", ".join(sorted(variant for variant in channel.variants if variant is not None)) or "none"
        what = "needs a variant" if wish.variant is None else f"has no variant {wish.variant}"
        raise SubscriptionError(
            "unknown_variant", f"channel {wish.channel} of {wish.exchange} {what} (it has: {known})"
        )
