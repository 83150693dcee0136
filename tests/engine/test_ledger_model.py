"""
The ledger against a modelled exchange that loses, repeats, delays and reorders.

Whatever happened before, once the exchange behaves it serves exactly what is
wanted and right, every wish is confirmed or refused by name, and nobody else is
asked for anything. What it serves though nobody wants it is shown by its data.
"""

from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis.strategies import integers

from gateway.engine.ledger import Settled, StreamLedger, StreamState
from gateway.engine.outstanding import LATE
from gateway.engine.wishes import REFUSALS
from gateway.spi.contract import Action, Request, Verdict
from gateway.spi.events import Ack, Nack

NAMES = tuple("abcde")
STOP = Verdict(action=Action.STOP, text="wrong")
BUSY = Verdict(action=Action.RETRY, text="busy")
STEPS = 120
PATIENCE = 400


class Exchange:
    """Obeys requests in order; what it answers waits in ``answers`` for whoever delivers it."""

    def __init__(self, manner: str, wrong: set[str]) -> None:
        self.manner = manner
        self.wrong = wrong
        self.serves: set[str] = set()
        self.answers: list[Any] = []

    def obey(self, request: Request) -> None:
        if request.op == "unsubscribe":
            self._give_up(request)
            return
        right = tuple(stream for stream in request.streams if stream not in self.wrong)
        wrong = tuple(stream for stream in request.streams if stream in self.wrong)
        if wrong and self.manner in {"whole", "data"}:
            self.answers.append(Nack(request.id, "subscribe", STOP))
            return
        self.serves |= set(right)
        if self.manner == "data":
            self.answers += right
        elif wrong and self.manner in {"parts", "named"}:
            self.answers.append(Ack(request.id, accepted=right, rejected=wrong))
        else:
            self.answers += self._accepted(request, right)

    def _give_up(self, request: Request) -> None:
        """One that answers in whole refuses to give up what it does not serve, and all that came with it."""
        if self.manner == "whole" and not self.serves >= set(request.streams):
            self.answers.append(Nack(request.id, "unsubscribe", STOP))
            return
        self.serves -= set(request.streams)
        # Of which subscription a datum was cannot be told, so no old one comes late here.
        self.answers = [answer for answer in self.answers if answer not in request.streams]
        self.answers += self._accepted(request, request.streams)

    def refuse(self, request: Request) -> None:
        """Say that it is busy, and do nothing."""
        self.answers.append(Nack(request.id, request.op, BUSY))

    def _accepted(self, request: Request, streams: tuple[str, ...]) -> list[Ack]:
        match self.manner:
            case "named":
                return [Ack(None, accepted=(stream,)) for stream in streams]
            case "parts":
                return [Ack(request.id, accepted=(stream,)) for stream in streams]
            case "list":
                return [Ack(request.id, state=tuple(self.serves))]
        return [Ack(request.id)]


class World:
    """One connection's wishes, its ledger, the wire in both directions and the exchange at its end."""

    def __init__(self, manner: str, rng: Random) -> None:
        self.ledger = StreamLedger()
        self.exchange = Exchange(manner, set(rng.sample(NAMES, rng.randrange(3))))
        self.manner = manner
        self.rng = rng
        self.counts: Counter[str] = Counter()
        self.busy: Counter[str] = Counter()
        self.ids = count(1)
        self.now = 0.0
        self.queue: list[Request] = []
        self.wire: list[Request] = []

    @property
    def ordered(self) -> bool:
        """Where answers do not name their request, none may be repeated or overtake another."""
        return self.manner in {"named", "list"}

    @property
    def wanted(self) -> set[str]:
        return {stream for stream, number in self.counts.items() if number}

    def in_state(self, state: StreamState) -> set[str]:
        return {stream for stream in self.ledger.streams() if self.state(stream) is state}

    def state(self, stream: str) -> StreamState:
        entry = self.ledger.entry(stream)
        assert entry is not None
        return entry.state

    # --- clients

    def want(self) -> None:
        stream = self.rng.choice(NAMES)
        renewed = self.counts[stream] == 0 or self.state(stream) is StreamState.REFUSED
        assert self.ledger.want(stream) is renewed
        self.counts[stream] += 1

    def release(self) -> None:
        stream = self.rng.choice(NAMES)
        assert self.ledger.release(stream) is (self.counts[stream] == 1)
        self.counts[stream] = max(0, self.counts[stream] - 1)

    # --- the sending side

    def turn(self) -> None:
        if leaving := self.ledger.leaving():
            assert len(set(leaving)) == len(leaving)
            self.submit("unsubscribe", leaving)
        groups = self.ledger.due(self.now)
        asked = [stream for group in groups for stream in group]
        assert len(set(asked)) == len(asked), "each is asked for once"
        assert {self.state(stream) for stream in asked} <= {StreamState.WANTED}
        for group in groups:
            self.submit("subscribe", group)

    def submit(self, op: Any, streams: tuple[str, ...]) -> None:
        settles: Any = "data" if self.manner == "data" and op == "subscribe" else "ack"
        number = None if self.manner == "named" else next(self.ids)
        request = Request(frame="", streams=streams, op=op, id=number, settles=settles)
        self.ledger.submitted([request])
        self.queue.append(request)

    def send(self) -> None:
        if self.queue:
            request = self.queue.pop(0)
            self.ledger.sent(request, self.now)
            self.wire.append(request)

    def leave_unheard(self) -> None:
        """Somebody leaves a stream, and whatever asks the exchange to give it up is lost on its way."""
        if not (served := sorted(self.exchange.serves & self.wanted)):
            return
        stream = self.rng.choice(served)
        for _ in range(self.counts.pop(stream)):
            self.ledger.release(stream)
        for _ in range(3):
            self.turn()
            while self.queue:
                self.send()
            self.wire = [one for one in self.wire if one.op != "unsubscribe" or stream not in one.streams]
            self.now += 6.0
            self.took(self.ledger.overdue(self.now))

    # --- the exchange

    def obey(self) -> None:
        if self.wire:
            self.exchange.obey(self.wire.pop(0))

    def obey_all(self) -> None:
        self.turn()
        while self.queue:
            self.send()
        while self.wire:
            self.obey()

    def ignore_request(self) -> None:
        if self.wire:
            self.wire.pop(0)

    def say_busy(self) -> None:
        """Not so often that a stream is given up for it."""
        if self.wire and self.manner not in {"named", "data"}:
            request = self.wire.pop(0)
            self.busy.update(request.streams)
            if max(self.busy[stream] for stream in request.streams) < REFUSALS:
                self.exchange.refuse(request)

    def next_answer(self) -> int | None:
        answers = self.exchange.answers
        return (0 if self.ordered else self.rng.randrange(len(answers))) if answers else None

    def deliver(self) -> None:
        if (at := self.next_answer()) is not None:
            self.hear(self.exchange.answers.pop(at))

    def deliver_all(self) -> None:
        while self.exchange.answers:
            self.hear(self.exchange.answers.pop(0))

    def lose_answer(self) -> None:
        if (at := self.next_answer()) is not None:
            self.exchange.answers.pop(at)

    def answer_twice(self) -> None:
        if self.exchange.answers and not self.ordered:
            self.exchange.answers.append(self.rng.choice(self.exchange.answers))

    def revoke(self) -> None:
        """Nothing may be under way that a revocation would overtake."""
        if self.exchange.serves and not (self.exchange.answers or self.wire or self.queue):
            stream = self.rng.choice(sorted(self.exchange.serves))
            again = self.rng.random() < 0.7
            self.exchange.serves.discard(stream)
            if not again:
                self.exchange.wrong.add(stream)
            self.took(self.ledger.revoked(stream, "revoked", again=again))

    def stall(self) -> None:
        self.ledger.ask_again(self.rng.choice(NAMES))

    def goes_on(self) -> None:
        """What comes and is not wanted is given up once more."""
        for stream in sorted(self.exchange.serves - self.wanted):
            if self.ledger.is_still_served(stream):
                assert stream not in self.wanted
                assert not self.ledger.is_still_served(stream), "it is being given up"

    def datum(self) -> None:
        if self.exchange.serves and not (self.exchange.answers or self.wire or self.queue):
            self.took(self.ledger.datum(self.rng.choice(sorted(self.exchange.serves))))

    def pass_time(self) -> None:
        self.now += self.rng.choice([0.5, 4.0, 6.0, 31.0])
        self.took(self.ledger.overdue(self.now))

    def reconnect(self) -> None:
        self.queue, self.wire, self.exchange.answers, self.exchange.serves = [], [], [], set()
        assert set(self.ledger.begin_epoch()) == self.wanted
        assert self.ledger.plan_settled is (not self.wanted)

    def hear(self, answer: Any) -> None:
        match answer:
            case Ack():
                self.took(self.ledger.ack(answer))
            case Nack():
                self.took(self.ledger.nack(answer, self.now))
            case stream if not any(stream in request.streams for request in self.wire):
                self.took(self.ledger.datum(stream))

    def took(self, settled: Settled) -> None:
        """Whatever is said to be settled is so, and nothing is said twice at once."""
        assert {self.state(stream) for stream in settled.confirmed} <= {StreamState.CONFIRMED}
        assert {self.state(stream) for stream, _ in settled.refused} <= {StreamState.REFUSED}
        assert all(reason for _, reason in settled.refused)
        told = [*settled.confirmed, *(stream for stream, _ in settled.refused)]
        assert len(told) == len(set(told))

    # --- always

    def check(self) -> None:
        entries = {stream: self.ledger.entry(stream) for stream in self.ledger.streams()}
        assert {s: e.count for s, e in entries.items() if e is not None} == dict(+self.counts)
        if self.manner != "named":  # answers that name no request can be taken for one another, for a while
            assert self.in_state(StreamState.CONFIRMED) <= self.exchange.serves, "confirmed but not served"
        outstanding = self.ledger._outstanding
        assert len(outstanding._overdue) <= LATE
        assert all(asked.open for asked in (*outstanding._waiting, *outstanding._overdue))

    # --- in the end

    def settle(self) -> None:
        """From here on nothing is lost and everything comes in order: at first what is under way."""
        self.obey_all()
        self.deliver_all()
        asked: Counter[str] = Counter()
        for _ in range(PATIENCE):
            self.turn()
            asked.update(stream for request in self.queue for stream in request.streams)
            self.obey_all()
            self.deliver_all()
            self.now += 1.0
            self.took(self.ledger.overdue(self.now))
            self.goes_on()
            self.check()
        confirmed, refused = self.in_state(StreamState.CONFIRMED), self.in_state(StreamState.REFUSED)
        assert self.exchange.serves == confirmed
        assert confirmed == self.wanted - self.exchange.wrong
        assert refused == self.wanted & self.exchange.wrong
        assert self.ledger.plan_settled
        assert not self.ledger._outstanding._waiting
        assert max(asked.values(), default=0) <= 12, "nothing is asked for again and again"


ACTIONS: list[tuple[Callable[[World], None], float]] = [
    (World.want, 3),
    (World.release, 3),
    (World.turn, 2),
    (World.send, 3),
    (World.obey, 3),
    (World.obey_all, 2),
    (World.ignore_request, 1),
    (World.say_busy, 1),
    (World.deliver, 4),
    (World.deliver_all, 1),
    (World.lose_answer, 1),
    (World.answer_twice, 1),
    (World.revoke, 1),
    (World.stall, 0.5),
    (World.datum, 1),
    (World.leave_unheard, 0.3),
    (World.goes_on, 0.5),
    (World.pass_time, 1.5),
    (World.reconnect, 0.3),
]


@pytest.mark.parametrize("manner", ["whole", "parts", "list", "data", "named"])
@settings(max_examples=120, deadline=None)
@given(seed=integers(0, 2**32))
def test_whatever_happened_the_exchange_ends_up_serving_what_is_wanted(manner: str, seed: int) -> None:
    rng = Random(seed)
    world = World(manner, rng)
    actions, weights = zip(*ACTIONS, strict=True)
    for action in rng.choices(actions, weights, k=rng.randrange(STEPS)):
        note(action.__name__)
        action(world)
        world.check()
    note("and then all is well")
    world.settle()
