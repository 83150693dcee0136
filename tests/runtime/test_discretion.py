"""Exchanges may repeat what they were shown when they refuse it; what they say is told without our secrets."""

import asyncio
from functools import partial
from typing import Any

import pytest

from gateway import spi
from gateway.engine.budgets import Budgets
from gateway.errors import LoginRefused, UpgradeRefused
from gateway.runtime import handshake, judge, reactions, rest, run
from gateway.runtime.rest import Rest
from gateway.spi.steps import Fetch, HttpReply, Open, Receive
from gateway.telemetry.scrubbing import Scrubber
from gateway.testing.memory import Accept, MemoryNetwork, RefuseUpgrade
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect

SECRET = "canary-of-an-account"
SAID = f"bad key {SECRET}"
TOLD = "bad key ***"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be hidden is known."""
    scrubber = Scrubber()
    scrubber.know([SECRET])
    for module in (handshake, judge, reactions, rest, run):
        monkeypatch.setattr(module, "SCRUBBER", scrubber)


def answered(status: int, _: Fetch) -> HttpReply:
    return HttpReply(status, body=SAID.encode() + b"\xff")


@virtually
async def test_of_replies_over_rest_those_that_refuse() -> None:
    for status, body in ((200, SAID), (400, TOLD), (503, TOLD)):
        network = MemoryNetwork(on_fetch=partial(answered, status))
        one = Rest("mock", network, Budgets().for_connection((), None), (), asyncio.get_running_loop().time)
        assert (await one.fetch(Fetch("GET", "http://memory"))).body == body.encode() + b"\xff"


@virtually
async def test_a_refused_upgrade(stage: Any, unlisted: Any) -> None:
    heard: list[bytes] = []

    class Plugin(unlisted):  # type: ignore[misc]  # a fixture
        @spi.hookimpl
        def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
            try:
                yield Open(target.urls["stream"])
            except UpgradeRefused as refused:
                heard.append(refused.body)
                raise
            return spi.Session()

    async with stage(Plugin(), network=MemoryNetwork(lambda _: RefuseUpgrade(403, body=SAID.encode()))) as one:
        await one.hear("mock:trades:a")
    assert heard[0] == TOLD.encode()


@virtually
async def test_what_is_said_at_the_login(stage: Any, unlisted: Any) -> None:
    class Plugin(unlisted):  # type: ignore[misc]  # a fixture
        @spi.hookimpl
        def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
            yield Open(target.urls["stream"])
            raise LoginRefused((yield Receive()).decode())

    network = MemoryNetwork(lambda _: Accept(lambda peer: peer.say(SAID)))
    async with stage(Plugin(), network=network) as one:
        await one.hear("mock:trades:a")
        assert [change.text for change in one.seen.changes if change.after == "ERROR"] == [TOLD]


@pytest.mark.parametrize(
    ("action", "reason"),
    [(spi.Action.RETRY, None), (spi.Action.RETRY, spi.Reason.RATE_LIMITED), (spi.Action.STOP, None)],
)
@virtually
async def test_the_words_with_which_a_connection_is_closed(
    stage: Any, variant: Any, action: spi.Action, reason: spi.Reason | None
) -> None:
    def judged(fault: spi.ConnectionFault) -> spi.Verdict:
        return spi.Verdict(action=action, reason=reason, text=str(fault))

    async with stage(variant(gateway_classify=judged)) as one:
        ear = await one.hear("mock:trades:a")
        one.far.ack_all()
        one.far.peer.close(1008, SAID)
        await one.quiet()
        assert [change.text for change in one.seen.changes if change.after == "ERROR"] == [TOLD]
        assert SECRET not in repr((one.seen.changes, one.seen.notices, ear.statuses))


VERDICT = spi.Verdict(action=spi.Action.RECONNECT, text=SAID)
HARMLESS = spi.Verdict(action=spi.Action.RETRY, text=SAID)
STOP = spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.STREAM, text=SAID)


@pytest.mark.parametrize(
    "event",
    [
        spi.Nack(None, "subscribe", STOP),
        spi.Nack(None, "subscribe", VERDICT),
        spi.Revoked("trades.a", SAID, again=False),
        spi.SessionLost(spi.Scope.CONNECTION, SAID),
        spi.Problem(VERDICT, SAID),
        spi.Problem(VERDICT),
        spi.Problem(HARMLESS, SAID),
        spi.Problem(HARMLESS),
    ],
)
@virtually
async def test_what_is_said_later(stage: Any, variant: Any, event: spi.Event) -> None:
    class Telling(MockDialect):
        def decode(self, payload: bytes, binary: bool, /) -> Any:
            return [event] if payload == b"event" else super().decode(payload, binary)

    async with stage(variant(Telling)) as one:
        ear = await one.hear("mock:trades:a")
        if not isinstance(event, spi.Nack):
            one.far.ack_all()
        one.far.peer.say("event")
        await one.quiet()
        told = repr((one.seen.changes, one.seen.notices, ear.statuses))
    assert TOLD in told
    assert SECRET not in told
