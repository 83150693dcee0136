"""An endpoint that is not where it should be stops a connection, which says where that was and what to look at."""

import asyncio

import pytest

from gateway import spi
from gateway.errors import Reason
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Refuse, RefuseUpgrade
from gateway.testing.virtual import virtually

HERE = "it was looked for at memory, as [exchanges.mock.endpoints] stream has it: correct that, or leave it out"
UNKNOWN = Refuse(Reason.NAME_NOT_RESOLVED, "the host's name has no address")


def end(one) -> tuple[str, str, str, bool]:
    """Return the state, the reason of the last failure, the last words, and whether only a person can help."""
    view = one.view()
    failed = [change for change in one.seen.changes if change.after == "ERROR"][-1]
    return one.state(), str(failed.reason), view.text, view.fatal


@pytest.mark.parametrize(
    ("dialled", "reason", "text"),
    [
        (Refuse(Reason.REDIRECTED, "a redirect to new.example"), "redirected", "a redirect to new.example"),
        (RefuseUpgrade(410), "endpoint_gone", "HTTP status 410: gone for good"),
    ],
)
@virtually
async def test_it_is_not_dialled_again(stage, dialled, reason, text) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: dialled
        ear = await one.hear("mock:trades:a")
        assert end(one) == ("DISCONNECTED", reason, f"{text}; {HERE}", True)
        assert ear.statuses == [f"closed {text}; {HERE}"]
        await asyncio.sleep(3600)
        assert len(one.network.dials) == 1


@virtually
async def test_a_redirect_of_a_request_within_a_handshake_ends_it_too(stage, variant) -> None:
    def gateway_handshake(target):
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/token")
        reply.json()

    async with stage(variant(gateway_handshake=gateway_handshake)) as one:
        answer = HttpReply(307, {"location": "https://new.example/token?key=canary"})
        one.network.on_fetch = lambda _: answer
        one.connect(retry=True)
        await one.quiet()
        text = (
            "HTTP status 307: a redirect to new.example; look for a newer version of the plugin "
            "('gateway plugins list' shows the one that is installed), and at [exchanges.mock.endpoints]"
        )
        assert end(one) == ("DISCONNECTED", "redirected", text, True)


@virtually
async def test_the_list_of_instruments_that_was_redirected_says_so_and_is_asked_for_an_hour_later(
    stage, variant, unlisted
) -> None:
    def gateway_instruments(target):
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/list")
        return reply.json()

    async with stage(variant(gateway_instruments=gateway_instruments)) as one:
        one.network.on_fetch = lambda _: HttpReply(302, {"location": "https://new.example/"})
        await asyncio.sleep(3600)
        assert one.exchange.reference.problem.startswith("HTTP status 302: a redirect to new.example; look for")
        assert len(one.network.fetches) <= 3


@virtually
async def test_an_upgrade_that_is_not_found_is_tried_for_five_minutes(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: RefuseUpgrade(404)
        one.connect(retry=True)
        await asyncio.sleep(299)
        assert one.state() == "RECONNECTING"
        await asyncio.sleep(32)
        state, reason, text, fatal = end(one)
        assert (state, reason, fatal) == ("DISCONNECTED", "endpoint_gone", True)
        assert text.startswith("HTTP status 404 for 3")
        assert text.endswith(HERE)
        dials = len(one.network.dials)
        one.connect(retry=True)
        await asyncio.sleep(60)
        assert len(one.network.dials) > dials + 1, "whoever connects it has mended something: it is tried anew"
        assert one.state() == "RECONNECTING"


@pytest.mark.parametrize("others", [False, True])
@virtually
async def test_a_name_that_has_gone_ends_it_after_an_hour_if_others_are_found(stage, others) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: UNKNOWN
        one.connect(retry=True)
        await asyncio.sleep(1800)
        if others:
            one.ground.names.found("rest.example", one.ground.now())
        await asyncio.sleep(1790)
        assert one.state() == "RECONNECTING"
        await asyncio.sleep(60)
        if not others:
            assert one.state() == "RECONNECTING"
            return
        state, reason, text, _ = end(one)
        assert (state, reason) == ("DISCONNECTED", "endpoint_gone")
        assert text == f"the host's name has had no address for 60 min, and others have; {HERE}"
