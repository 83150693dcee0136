"""What a program does with a gateway: subscribe, and iterate over messages as plain dicts."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Self, Unpack

from gateway.client.badge import Badge
from gateway.client.checking import check_subscribed
from gateway.client.contiguity import Message, Position
from gateway.client.link import Decode, Link, plainly
from gateway.client.pending import Ack, Pending, refusal
from gateway.client.wishes import Selection, requests, resumes, selected
from gateway.errors import ProtocolViolation
from gateway.model.subscriptions import Subscription

URL: Final = "ws://127.0.0.1:8765/v1/ws"
CONNECT: Final = 10.0
ANSWER: Final = 40.0
"""Seconds for an answer; the gateway itself may wait half a minute for an exchange's instruments."""


class Client:
    """
    Subscribe and iterate. One task iterates; any may ask. ``async with`` opens and closes it.

    Iteration yields data and status messages as the protocol has them, and before a
    message whose offset does not follow ``{"topic", "type": "jump", "expected", "offset"}``.
    It ends after :meth:`close`, and raises a ConnectionFault if the connection breaks.

    Args:
        url: of the gateway; ``/v1/ws`` is added if it has no path.
        queue: messages that may wait to be read; then nothing more is received.
        answer: seconds for each answer.
        token: shown to the gateway where it wants one; never over the network in the clear.
        ca_file: a PEM file of the authorities to trust instead of the system's.
        decode: makes the messages of their texts; it may leave ``data`` out, or add to it.

    Raises:
        ValueError: If the token could be read on the way: use ``wss://``.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        queue: int = 1024,
        answer: float = ANSWER,
        token: str | None = None,
        ca_file: str | None = None,
        decode: Decode = plainly,
    ) -> None:
        self._link = Link(url, queue, Badge(token, ca_file), decode)
        self._answer = answer

    @property
    def positions(self) -> Mapping[str, Position]:
        """Epoch and offset of each topic as received: what ``resume`` takes on a later connection."""
        return self._link.contiguity.positions

    @property
    def waiting(self) -> int:
        """How many messages were received and wait to be read."""
        return self._link.waiting

    async def __aenter__(self) -> Self:
        """
        Connect.

        Raises:
            OSError: If nobody listens there or nobody answers.
            UpgradeRefused: If it is there and will not serve us.
        """
        await self._link.open(CONNECT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; iteration ends after what was received. Idempotent."""
        await self._link.close()

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        message = await self._link.next()
        if message is None:
            raise StopAsyncIteration
        return message

    def subscribe(
        self,
        topics: str | Sequence[str] = (),
        /,
        *,
        snapshot: bool = True,
        on_lag: str | None = None,
        conflate_ms: int = 0,
        resume: Mapping[str, Position] | None = None,
        **parts: Unpack[Selection],
    ) -> "Subscribing":
        """
        Subscribe to topics, given whole or by their parts.

        Awaited, the result is the acks, in order. Iterated over, it is all that the
        client receives from then on, and any refusal is raised. Until then nothing is sent.

        Args:
            topics: as the protocol spells them.
            snapshot: whether a snapshot is wanted where the channel has one.
            on_lag: ``conflate``, ``drop_oldest`` or ``disconnect`` if we read too slowly; the channel
                decides otherwise. What was dropped is told by messages of the type ``lag``.
            conflate_ms: milliseconds between messages of a topic, at least; 0 for every message.
            resume: epoch and offset, by topic, after which missed messages are wanted.
            parts: ``exchange``, ``channel``, ``symbols``, ``streams`` or ``account``, ``variant``.

        Raises:
            ValueError: If no topic is given, or one that is none.
        """
        options: dict[str, Any] = {"snapshot": snapshot, "conflate_ms": conflate_ms}
        if on_lag is not None:
            options["on_lag"] = on_lag
        return Subscribing(self, selected(topics, parts), options, resume or {})

    async def unsubscribe(self, topics: str | Sequence[str] = (), /, **parts: Unpack[Selection]) -> list[Ack]:
        """
        Hear no more of topics; each that we were not subscribed to is refused in its ack.

        Raises:
            SubscriptionError: If the gateway refuses the request as a whole.
            TransportLost: If no answer came.
        """
        acks: list[Ack] = []
        for params, group in requests(selected(topics, parts)):
            acks += await self.ask("unsubscribe", params, Pending(len(group), self._left))
        return acks

    def _left(self, _: int, ack: Ack) -> None:
        if ack["success"]:
            self._link.contiguity.forget(ack["topic"])

    def joined(self, group: Sequence[Subscription], resume: Mapping[str, Position], place: int, ack: Ack) -> None:
        """Note that the ``place``-th of ``group`` was answered, before anything of its topic is received."""
        if ack["success"]:
            check_subscribed(ack)
            self._link.contiguity.acknowledged(ack, resume.get(group[place].topic))

    async def topics(self) -> list[dict[str, Any]]:
        """
        Return what the gateway says we are subscribed to.

        Raises:
            TransportLost: If no answer came.
            ProtocolViolation: If there is no list in it.
        """
        [answer] = await self.ask("list", {}, Pending(1))
        topics = answer.get("topics")
        if not isinstance(topics, list):
            raise ProtocolViolation("the gateway's list of topics is none")
        return topics

    async def ping(self) -> Ack:
        """
        Return the gateway's answer to a ping: when it arrived there and left.

        Raises:
            TransportLost: If no answer came.
        """
        [answer] = await self.ask("ping", {}, Pending(1))
        return answer

    async def ask(self, method: str, params: dict[str, Any], pending: Pending) -> list[Ack]:
        """
        Send a request as the protocol has it and return its answers.

        Raises:
            SubscriptionError: If it is refused as a whole.
            TransportLost: If the connection is over or no answer came.
        """
        return await self._link.ask(method, params, pending, self._answer)


class Subscribing:
    """A subscription that is sent once it is awaited or iterated over; see :meth:`Client.subscribe`."""

    def __init__(
        self,
        client: Client,
        wishes: Sequence[Subscription],
        options: dict[str, Any],
        resume: Mapping[str, Position],
    ) -> None:
        self._client = client
        self._wishes = wishes
        self._options = options
        self._resume = resume

    def __await__(self) -> Generator[Any, None, list[Ack]]:
        """
        Return the acks, in the order of the topics unless these differ in exchange, channel or variant.

        Raises:
            SubscriptionError: If every topic is refused; it says why the first was.
            TransportLost: If no answer came.
        """
        return self._send().__await__()

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        """
        Subscribe, then yield what the client receives.

        Raises:
            SubscriptionError: If any topic is refused.
            ConnectionFault: If the connection breaks.
        """
        for ack in await self:
            if not ack["success"]:
                raise refusal(ack)
        async for message in self._client:
            yield message

    async def _send(self) -> list[Ack]:
        acks: list[Ack] = []
        for params, group in requests(self._wishes):
            options = dict(self._options)
            if resume := resumes(group, self._resume):
                options["resume"] = resume
            pending = Pending(len(group), partial(self._client.joined, group, self._resume))
            acks += await self._client.ask("subscribe", {**params, **options}, pending)
        if not any(ack["success"] for ack in acks):
            raise refusal(acks[0])
        return acks


def connect(url: str = URL, *, queue: int = 1024, token: str | None = None, ca_file: str | None = None) -> Client:
    """Return a client of the gateway at ``url``, to be opened with ``async with``; see :class:`Client`."""
    return Client(url, queue=queue, token=token, ca_file=ca_file)
