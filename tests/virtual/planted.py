"""For each invariant a bug that breaks it, planted in the gateway itself, or in what a plugin says."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from exchange import Limited, OneByOne
from pytest import MonkeyPatch  # noqa: PT013  # it is only a type here

from gateway import spi
from gateway.engine.budgets import ConnectionBudgets
from gateway.engine.gapfill import IdOrder
from gateway.engine.hub import Hub
from gateway.engine.ledger import StreamLedger
from gateway.engine.lines import DroppingLine, Line
from gateway.engine.liveness import Heartbeat, Pulse
from gateway.engine.messages import TopicEvent
from gateway.engine.outbox import Outbox
from gateway.engine.outstanding import Outstanding
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.retry import Backoff
from gateway.engine.ring import Ring
from gateway.engine.topics import Topic
from gateway.errors import GatewayError
from gateway.model.states import ConnectionState as S
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.epoch import Epoch
from gateway.runtime.stalls import Stalls
from gateway.runtime.supervisor import Supervisor
from gateway.runtime.waiting import known
from gateway.runtime.writer import Writer
from gateway.telemetry.scrubbing import Scrubber
from gateway.testing.memory_transport import MemoryTransport
from gateway_mock.plugin import BOOK

Plant = Callable[[MonkeyPatch], None]


def keep_live(patch: MonkeyPatch) -> None:
    """Whoever was live stays so."""

    def publish(self: Any, view: Any) -> None:
        live = self._snapshot.live.copy()
        if view.state is S.CONNECTED:
            live[view.id] = view
        self._swap(MappingProxyType({**self._snapshot.supervised, view.id: view}), MappingProxyType(live))

    patch.setattr(ConnectionRegistry, "_publish", publish)


def skip_error(patch: MonkeyPatch) -> None:
    """What fails is RECONNECTING at once, and nobody asks the table."""
    patch.setattr("gateway.engine.registry.advance", lambda _, to: S.RECONNECTING if to is S.ERROR else S(to))


def repeat_epochs(patch: MonkeyPatch) -> None:
    """A dial has the number of the one before it."""
    move = ConnectionRegistry.move

    def moving(self: Any, id_: str, target: S, reason: Any, **facts: Any) -> Any:
        if target is S.CONNECTING:
            self._epochs -= 1
        return move(self, id_, target, reason, **facts)

    patch.setattr(ConnectionRegistry, "move", moving)


def keep_sockets(patch: MonkeyPatch) -> None:
    """Nobody hangs up."""

    async def close(self: Any) -> None:
        if self._service is not None:
            await self._service.close()

    patch.setattr(Epoch, "close", close)


def overhear_ends(patch: MonkeyPatch) -> None:
    """Whoever reads does not pass on that there is nothing more to read."""
    pump = MemoryTransport.pump

    async def pumping(self: Any, *heard: Any) -> None:
        try:
            await pump(self, *heard)
        except GatewayError:
            await asyncio.get_running_loop().create_future()

    patch.setattr(MemoryTransport, "pump", pumping)


def never_dead(patch: MonkeyPatch) -> None:
    """A pong that does not come is waited for."""
    _pulse(patch, Pulse.DEAD, Pulse.QUIET)


def dead_at_once(patch: MonkeyPatch) -> None:
    """A ping is not waited for."""
    _pulse(patch, Pulse.PING, Pulse.DEAD)


def _pulse(patch: MonkeyPatch, found: Pulse, told: Pulse) -> None:
    check = Heartbeat.check

    def checking(self: Any, now: float, *, tick: float) -> Pulse:
        pulse = check(self, now, tick=tick)
        if pulse is not found:
            return pulse
        self._sent_at = None
        return told

    patch.setattr(Heartbeat, "check", checking)


def dial_anyway(patch: MonkeyPatch) -> None:
    """A disconnect is a reconnect."""
    reconnect = Supervisor.reconnect

    def disconnecting(self: Any, *_: object) -> Any:
        reconnect(self, "asked", "not wanted")  # type: ignore[arg-type]
        return known(None)

    patch.setattr(Supervisor, "disconnect", disconnecting)


def hang_up_slowly(patch: MonkeyPatch) -> None:
    """A socket takes five seconds to close."""
    hang_up = Epoch._hang_up

    async def hanging_up(self: Any, transport: Any) -> None:
        await asyncio.sleep(5.0)
        await hang_up(self, transport)

    patch.setattr(Epoch, "_hang_up", hanging_up)


def no_login(patch: MonkeyPatch) -> None:
    """A plugin forgets to log in."""

    def handshake(_: Any, target: spi.Target) -> spi.Handshake:
        yield spi.Open(target.urls[target.endpoint])
        return spi.Session()

    patch.setattr(Limited, "gateway_handshake", spi.hookimpl(handshake), raising=False)


def ignore_quiet(patch: MonkeyPatch) -> None:
    """Whoever is told to wait does not."""
    patch.setattr("gateway.engine.retry.wait_of", lambda *_: 0.0)
    patch.setattr("gateway.runtime.judge.wait_of", lambda *_: 0.0)


def answer_at_once(patch: MonkeyPatch) -> None:
    """Whoever reads answers pings itself, and sends its own now and then."""
    patch.setattr(Writer, "ping", lambda self, payload: asyncio.ensure_future(self._transport.ping(payload)))


def believe_requests(patch: MonkeyPatch) -> None:
    """What was asked for counts as served."""
    sent = StreamLedger.sent

    def sending(self: Any, request: Any, now: float) -> Any:
        sent(self, request, now)
        return self._confirm(request.streams)

    patch.setattr(StreamLedger, "sent", sending)


def follow_the_wall_clock(patch: MonkeyPatch) -> None:
    """Numbers of requests are what the time is."""
    patch.setattr(ExchangeClock, "nonce", lambda self: self._wall_us())


def repeat_refusals(patch: MonkeyPatch) -> None:
    """What an exchange says is told as it is."""
    patch.setattr(Scrubber, "scrub", lambda _, text: text)
    patch.setattr(Scrubber, "scrub_bytes", lambda _, data: data)


def trust_silence(patch: MonkeyPatch) -> None:
    """A stream that says nothing is well."""
    patch.setattr(Stalls, "check", lambda *_: None)


def wait_longer(patch: MonkeyPatch) -> None:
    """The wait between two dials has no cap to speak of."""
    patch.setattr(Backoff, "next", lambda *_, **__: 45.0)


def dial_slowly(patch: MonkeyPatch) -> None:
    """There is a pause before what was dialled is used."""
    dial = Epoch._dial

    async def dialling(self: Any, step: Any) -> Any:
        transport = await dial(self, step)
        await asyncio.sleep(5.0)
        return transport

    patch.setattr(Epoch, "_dial", dialling)


def no_limits(patch: MonkeyPatch) -> None:
    """Nothing waits for the exchange's limits, nor between two dials."""
    patch.setattr(ConnectionBudgets, "wait", lambda *_, **__: 0.0)
    patch.setattr(Backoff, "next", lambda *_, **__: 0.1)


def skip_offsets(patch: MonkeyPatch) -> None:
    """Sometimes an offset is left out."""
    publish = Topic.publish

    def publishing(self: Any, *message: Any) -> None:
        self.offset += self.offset == 20
        publish(self, *message)

    patch.setattr(Topic, "publish", publishing)


def conceal_gaps(patch: MonkeyPatch) -> None:
    """Nobody is told of a gap."""
    tell = Topic.tell

    def telling(self: Any, event: TopicEvent, *how: Any, **facts: Any) -> None:
        if event is not TopicEvent.GAP:
            tell(self, event, *how, **facts)

    patch.setattr(Topic, "tell", telling)


def forget_gaps(patch: MonkeyPatch) -> None:
    """Those who come back are not told of the gaps that they missed."""
    patch.setattr(Ring, "tell", lambda *_: None)


def trust_ids(patch: MonkeyPatch) -> None:
    """Whatever comes is published as it came."""
    patch.setattr(IdOrder, "follows", lambda *_: True)


def merge_anything(patch: MonkeyPatch) -> None:
    """A change is applied to a book whatever is missing before it."""
    rule = replace(BOOK, follows=lambda *_: spi.Continuity.APPLY)
    patch.setattr(OneByOne, "book", lambda _, stream: rule if stream.startswith("book.") else None)


def queue_for_ever(patch: MonkeyPatch) -> None:
    """What waits for a client may be any amount, and nothing is folded."""
    init = Outbox.__init__

    def made(self: Any, wake: Any, **_: int) -> None:
        init(self, wake, limit=1 << 40, lag_bytes=1 << 40)

    patch.setattr(Outbox, "__init__", made)


def tell_nobody(patch: MonkeyPatch) -> None:
    """Clients are not told what their topics are."""
    for line in (Line, DroppingLine):
        patch.setattr(line, "notify", lambda *_: None)


def keep_topics(patch: MonkeyPatch) -> None:
    """What nobody wants any more is wanted for ever."""
    patch.setattr(Hub, "sweep", lambda *_: 0)


def despair(patch: MonkeyPatch) -> None:
    """The next dial is in an hour."""
    patch.setattr(Backoff, "next", lambda *_, **__: 3600.0)


def await_answers(patch: MonkeyPatch) -> None:
    """An answer that has come is waited for, and none is overdue."""
    patch.setattr(Outstanding, "drop", lambda *_: None)
    patch.setattr(Outstanding, "answered", lambda *_: None)


def keep_everything(patch: MonkeyPatch) -> None:
    """A ring has no end."""
    init = Ring.__init__
    patch.setattr(Ring, "__init__", lambda self, newest, **_: init(self, newest, max_messages=1 << 40))
    patch.setattr(Ring, "bound", lambda *_: None)


def leave_tasks(patch: MonkeyPatch) -> None:
    """Each epoch leaves something running."""
    close, left = Epoch.close, set()

    async def closing(self: Any) -> None:
        left.add(asyncio.create_task(asyncio.sleep(1e6)))
        await close(self)

    patch.setattr(Epoch, "close", closing)


PLANTED: Final[Mapping[Plant, tuple[str, ...]]] = {
    keep_live: ("live",),
    skip_error: ("moves",),
    repeat_epochs: ("epochs",),
    keep_sockets: ("sockets", "nothing left"),
    overhear_ends: ("ghosts",),
    never_dead: ("dead",),
    dead_at_once: ("calm",),
    dial_anyway: ("held down",),
    hang_up_slowly: ("down", "exit"),
    ignore_quiet: ("quiet",),
    answer_at_once: ("writers",),
    believe_requests: ("acks",),
    follow_the_wall_clock: ("nonces",),
    repeat_refusals: ("secrets",),
    trust_silence: ("silence",),
    no_login: ("login",),
    no_limits: ("dials", "messages", "weight"),
    skip_offsets: ("offsets",),
    conceal_gaps: ("gaps",),
    forget_gaps: ("gaps",),
    trust_ids: ("once",),
    merge_anything: ("books",),
    queue_for_ever: ("queues",),
    tell_nobody: ("told",),
    keep_topics: ("wishes",),
    despair: ("recovery",),
    wait_longer: ("waits",),
    dial_slowly: ("comes up",),
    await_answers: ("answers",),
    keep_everything: ("bounded",),
    leave_tasks: ("nothing left",),
}
"""Which invariants each is seen to break."""
