"""
What records: a client that comes back by itself, and what it has heard, on disk within a bounded time.

Where it left off is where it resumes; what the gateway no longer has is a gap in the recording.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from gateway.client.contiguity import Message, Position
from gateway.client.pending import Ack, refusal
from gateway.errors import ConnectionFault, SubscriptionError, TransportLost, UpgradeRefused
from gateway.recording.hearing import Hearing
from gateway.recording.notes import Notes
from gateway.recording.spelling import message_line
from gateway.recording.writing import Writer
from gateway.runtime.finish import finish

FLUSH: Final = 1.0
"""Seconds after which what was heard is on disk, at most."""
SHORTEST: Final = 0.5
"""The first ceiling of the wait before the gateway is dialled again, in seconds."""
LONGEST: Final = 30.0
"""The highest."""
AGAIN: Final = 5.0
"""Seconds until topics that were refused for a while are asked for again."""
ENDING: Final = 0.5
"""Seconds that a request may take to end with its connection; one that rests till it is sent again does not."""
_FINAL: Final = frozenset(range(4500, 5000)) - {4508}
"""Close codes after which nobody is to come back; we do where all was refused for a while."""
_FOR_A_WHILE: Final = frozenset({408, 429})
_CLIENT_ERRORS: Final = range(300, 500)


@dataclass(frozen=True, slots=True)
class World:
    """Monotonic seconds, microseconds since 1970, and what draws jitter."""

    now: Callable[[], float]
    now_us: Callable[[], int]
    rng: Random


class Recorder:
    """
    Records topics until it is cancelled; :meth:`run` is its whole life. Event-loop only.

    Args:
        url: of the gateway.
        topics: to record.
        writer: takes what is heard.
        world: clocks and chance.
        on_lag: what the gateway is to do should we read too slowly.
        flush: seconds after which what was heard is on disk, at most.
        credentials: what else a client takes: ``token``, ``ca_file``.

    Raises:
        ValueError: If the token could be read on the way.
    """

    def __init__(  # noqa: PLR0913  # what may be asked for, each by its name
        self,
        url: str,
        topics: Sequence[str],
        writer: Writer,
        world: World,
        *,
        on_lag: str = "disconnect",
        flush: float = FLUSH,
        credentials: Mapping[str, Any] | None = None,
    ) -> None:
        self.heard = 0
        """Messages so far."""
        self.returns = 0
        """How often the connection was lost and had again."""
        self.away = ""
        """Why there is no connection now."""
        self.notes = Notes()
        self._url = url
        self._wanted = dict.fromkeys(topics)
        self._writer = writer
        self._world = world
        self._on_lag = on_lag
        self._flush_after = flush
        self._credentials = credentials or {}
        self._positions: dict[str, Position] = {}
        self._refused: dict[str, Ack] = {}
        self._answered: set[str] = set()
        self._has_begun = False
        self._failures = 0
        self._client = self._new_client()

    async def run(self) -> None:
        """
        Record; whatever ends it, what was heard is on disk then.

        Raises:
            OSError: If there is no gateway at first.
            ConnectionFault: If it will not serve us.
            SubscriptionError: If a topic is refused at first, or all are later.
            RecordingError: If the disk will not take it.
        """
        tasks = {asyncio.create_task(self._hear()), asyncio.create_task(self._flush_by_time())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            try:
                await finish(_all_over(tasks))
            finally:
                self._end()
        for task in done:
            task.result()

    # --- the disk

    async def _flush_by_time(self) -> None:
        while True:
            await asyncio.sleep(self._flush_after)
            self._flush()

    def _flush(self) -> None:
        """Have all on disk; what came before all topics were acknowledged waits for that unless it is too much."""
        if self._has_begun or self._writer.segment:
            self._write_answers()
            self._write()

    def _write(self) -> None:
        now, now_us = self._world.now(), self._world.now_us()
        if not self._writer.segment:
            self._writer.open(now, now_us)
        self._writer.flush(now, now_us)

    def _end(self) -> None:
        try:
            if not self._writer.is_broken:
                self._flush()
        finally:
            self._writer.close()

    def _put(self, line: bytes) -> None:
        if self._writer.put(line):
            self._write()

    def _write_answers(self) -> None:
        for line in self.notes.answers():
            self._put(line)

    # --- the gateway

    async def _hear(self) -> None:
        while True:
            try:
                await self._hear_once()
            except (OSError, ConnectionFault) as fault:
                if not self._has_begun or _is_final(fault):
                    raise
                self._lost(fault)
            ceiling = min(LONGEST, SHORTEST * 2 ** min(self._failures, 10))
            self._failures += 1
            await asyncio.sleep(ceiling * self._world.rng.random())
            self._client = self._new_client()

    async def _hear_once(self) -> None:
        client = self._client
        async with client:
            asking = asyncio.create_task(self._ask(client))
            broken: ConnectionFault | None = None
            try:
                async for message in client:
                    self._take(message)
                await asyncio.wait({asking})  # which has closed the client
            except ConnectionFault as fault:
                broken = fault
                await asyncio.wait({asking}, timeout=ENDING)
            finally:
                is_over = asking.done()
                asking.cancel()
                await finish(self._leave(client, asking))
            if is_over:
                asking.result()  # a refusal says more than that the connection is over
            if broken is not None:
                raise broken

    async def _leave(self, client: Hearing, asking: "asyncio.Task[None]") -> None:
        """Close, and take what was received until then."""
        await client.close()
        await asyncio.wait({asking})
        if not asking.cancelled():
            asking.exception()  # if it was, the cancellation comes first
        try:
            async for message in client:
                self._take(message)
        except ConnectionFault:
            pass  # that is why we are here
        self._positions.update(client.positions)

    def _take(self, message: Message) -> None:
        self._write_answers()
        if message["type"] == "jump":
            self._put(self.notes.gap(message["topic"], self._world.now_us()))
            return
        self.heard += 1
        self.notes.heard(message["at"])
        self._put(message_line(message["at"], message["text"].encode()))

    def _lost(self, fault: Exception) -> None:
        self._write_answers()
        for line in self.notes.lost(self._world.now_us()):
            self._put(line)
        self.away = str(fault)

    # --- what is asked for

    async def _ask(self, client: Hearing) -> None:
        """Subscribe to all that is wanted; whatever is in the way of that ends the connection."""
        try:
            left = list(self._wanted)
            while left:
                left = await self._ask_once(client, left)
                if left:
                    await asyncio.sleep(AGAIN)
        except BaseException:
            await client.close()
            raise
        if self._has_begun:
            self.returns += 1
        self._has_begun, self._failures, self.away = True, 0, ""

    async def _ask_once(self, client: Hearing, topics: list[str]) -> list[str]:
        """Return those of ``topics`` that are to be asked for again."""
        self._refused.clear()
        self._answered.clear()
        try:
            await client.subscribe(topics, on_lag=self._on_lag, resume=self._positions)
        except SubscriptionError as refused:
            if not self._has_begun or not (refused.temporary or self._refused):
                raise
        for topic, ack in self._refused.items():
            error = refusal(ack)
            if not self._has_begun:
                raise error
            if not error.temporary:
                self._wanted.pop(topic, None)
                if not self._wanted:
                    raise error
        return [topic for topic in topics if topic in self._wanted and topic not in self._answered]

    def _note(self, asked: str, ack: Ack) -> None:
        self.notes.answered(ack)
        if not ack["success"]:
            self._refused[asked] = ack
            return
        self._answered.add(asked)
        self._wanted.pop(asked, None)
        self._wanted[ack["topic"]] = None

    def _new_client(self) -> Hearing:
        return Hearing(self._url, self._world.now_us, self._note, self._credentials)


async def _all_over(tasks: "set[asyncio.Task[None]]") -> None:
    await asyncio.wait(tasks)


def _is_final(fault: Exception) -> bool:
    """Whether coming back cannot help."""
    if isinstance(fault, TransportLost):
        return fault.code in _FINAL
    return isinstance(fault, UpgradeRefused) and (
        fault.status in _CLIENT_ERRORS and fault.status not in _FOR_A_WHILE
    )
