"""An account is fetched when its stream flows, beside the data's path; a client is told how long it was blind."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from gateway import spi
from gateway.engine.messages import Message
from gateway.errors import Reason
from gateway.runtime.reconcile import PATIENCE
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept, Hang, Later, Refuse
from gateway.testing.virtual import virtually

ID, ORDERS, BALANCES = "mock/private@main", "mock:orders:@main", "mock:balances:@main"
ACCOUNT = spi.Fetch("GET", "http://memory/account", cost={"mock-weight": 20})


class Signer:
    api_key = "key"
    key_type = "hmac"

    def hmac_sha256(self, message: bytes) -> bytes:
        return b""


def state(orders: list[dict[str, Any]] = (), balances: list[dict[str, Any]] = ()) -> HttpReply:
    return HttpReply(200, body=json.dumps({"orders": list(orders), "balances": list(balances)}).encode())


def order(status: str, filled: str = "0", ts: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "order_id": 1,
        "symbol": "BTC-USDT",
        "side": "buy",
        "status": status,
        "filled": filled,
        "ts": ts,
        **more,
    }


def judged(fault: spi.ConnectionFault) -> spi.Verdict | None:
    """A wrong key is 401, a wrong request 400, a wrong clock 408; 425 is too early."""
    verdicts = {
        401: spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.ACCOUNT, text="key revoked"),
        400: spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.REQUEST, text="bad parameter"),
        425: spi.Verdict(action=spi.Action.RETRY, scope=spi.Scope.ENDPOINT, after=40.0),
        408: spi.Verdict(action=spi.Action.RESYNC_CLOCK, scope=spi.Scope.REQUEST, after=1.0),
    }
    return verdicts.get(getattr(fault, "status", 0))


@pytest.fixture
def account(stage, variant):
    """What makes a stage with an account that is fetched over REST; ``asked`` has what the plugin was given."""

    def made(**hooks: Any):
        asked: list[dict[str, Any]] = []

        def gateway_reconcile(
            target: spi.Target, since: int, known: list[spi.Order], instruments: spi.Instruments
        ) -> spi.Conversation[list[spi.Data]]:
            def conversation():
                asked.append({"account": target.account, "since": since, "known": known})
                found = (yield ACCOUNT).json()
                return [
                    spi.Data("orders", [spi.Order(**one) for one in found["orders"]]),
                    spi.Data("balances", [spi.Balance(**one) for one in found["balances"]]),
                ]

            return conversation()

        hooks = {"gateway_reconcile": gateway_reconcile, "gateway_classify": judged, **hooks}
        one = stage(variant(**hooks), accounts={"main": Signer()})
        one.network.on_dial = lambda _: Accept(greet)
        one.network.on_fetch = lambda _: state()
        one.asked = asked
        return one

    return made


def greet(peer: Any) -> None:
    """Log in whoever comes."""
    peer.say('{"op":"hello","nonce":"1"}')
    peer.say('{"op":"ok"}')


def ack(one: Any) -> None:
    """Accept what the newest connection asks for."""
    for request in one.far.requests:
        if request["op"] == "subscribe":
            one.far.say(op="ok", id=request["id"])


def say(one: Any, **facts: Any) -> None:
    one.far.say(stream="orders", ts=1, data=[facts])


def told(ear: Any) -> list[Any]:
    """What was heard: statuses, gaps with their times in seconds, and of records the status or asset."""
    return [
        (one.kind, [getattr(record, "status", None) or record.asset for record in one.records])
        if isinstance(one, Message)
        else (str(one.status), (one.after_us or 0) / 1e6, (one.before_us or 0) / 1e6)
        if one.status == "gap"
        else str(one.status)
        for one in ear.heard
    ]


async def live(one: Any, *topics: str) -> list[Any]:
    """Hear of the account, which is empty and whole."""
    ears = await one.hear_all(*(topics or (ORDERS,)))
    ack(one)
    await one.quiet()
    for ear in ears:
        assert told(ear) == [("snapshot", []), "live"]
        ear.heard.clear()
    return ears


def fetches(one: Any) -> list[float]:
    return [round(asked.at, 3) for asked in one.network.fetches]


@virtually
async def test_the_first_time_the_account_is_fetched_once_for_all_streams_and_told_before_what_waited(
    account,
) -> None:
    one = account()
    one.network.on_fetch = lambda _: Later(1.0, state([order("new")], [{"asset": "BTC", "ts": 1, "free": "2"}]))
    async with one:
        orders, balances = await one.hear_all(ORDERS, BALANCES)
        assert fetches(one) == [], "not before the stream flows"
        ack(one)
        await one.quiet()
        assert one.state(ID) == "CONNECTED", "nobody waits for that"
        say(one, **order("partially_filled", "0.5", 2))
        await one.quiet()
        assert (told(orders), len(fetches(one)), one.seen.steps[-1]) == ([], 1, "reconcile")
        await asyncio.sleep(1)
        assert told(orders) == [("snapshot", ["new"]), "live", ("update", ["partially_filled"])]
        assert told(balances) == [("snapshot", ["BTC"]), "live"]
        assert one.asked == [{"account": "main", "since": 0, "known": []}]


@virtually
async def test_after_a_cut_the_client_is_told_how_long_it_was_blind_and_ends_with_the_truth(account) -> None:
    """Partly filled, cut off, filled while blind."""
    one = account()
    async with one:
        [ear] = await live(one)
        started = asyncio.get_running_loop().time()
        say(one, **order("partially_filled", "0.5", 2))
        await asyncio.sleep(12)
        one.network.on_fetch = lambda _: state([order("filled", "1", 9)])
        one.network.on_dial = lambda _: Later(2.0, Accept(greet))
        one.far.peer.drop()
        await asyncio.sleep(4)
        ack(one)
        back = asyncio.get_running_loop().time()
        await one.quiet()
        assert told(ear)[:3] == [("update", ["partially_filled"]), "disconnected", "restored"]
        kind, blind_from, blind_until = told(ear)[3]
        assert kind == "gap"
        assert started + 9.9 <= blind_from <= started + 12, "as of the last ping that was answered"
        assert blind_until == pytest.approx(back, abs=0.001)
        assert told(ear)[4:] == ["resyncing", ("snapshot", ["filled"]), "synced", "live"]
        second = one.asked[1]
        assert (second["since"], [known.filled for known in second["known"]]) == (blind_from * 1e6, ["0.5"])


@virtually
async def test_what_a_plugin_is_told_of_the_time_is_the_exchanges(account) -> None:
    one = account()
    async with one:
        await live(one)
        one.clock.offset_us = 5_000_000
        one.far.peer.drop()
        await asyncio.sleep(3)
        ack(one)
        await one.quiet()
        feed = one.link(ID).connection.feeds["orders"]
        assert one.asked[1]["since"] == feed.blind_us + 5_000_000


@pytest.mark.parametrize("trouble", [Refuse(), HttpReply(503), HttpReply(200, body=b"<html>"), HttpReply(400)])
@virtually
async def test_one_that_fails_is_fetched_again_and_the_streams_go_on(account, trouble) -> None:
    one = account()
    replies = [trouble, trouble, state([order("new")])]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(5)
        assert told(ear) == [("snapshot", ["new"]), "live"]
        assert len(one.seen.noticed_of("reconcile_failed")) == 2
        assert one.state(ID) == "CONNECTED"


@virtually
async def test_while_it_cannot_be_had_fills_wait_so_long_and_no_longer(account) -> None:
    one = account()
    one.network.on_fetch = lambda _: HttpReply(503)
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await one.quiet()
        say(one, **order("new"))
        await asyncio.sleep(PATIENCE - 0.5)
        assert told(ear) == []
        await asyncio.sleep(2)
        assert (told(ear), ear.topic.reason) == (["resyncing", ("update", ["new"])], Reason.DEADLINE_MISSED)
        say(one, **order("filled", "1", 2))
        await one.quiet()
        assert told(ear)[2:] == [("update", ["filled"])]
        one.network.on_fetch = lambda _: state([order("new")])
        await asyncio.sleep(31)
        assert told(ear)[3:] == [("snapshot", []), "synced", "live"], "what was fetched is behind"
        times = fetches(one)
        waits = [after - before for before, after in pairwise(times)]
        assert max(waits) <= 30.1
        assert len(times) < 40


@virtually
async def test_a_host_that_hangs_is_asked_again_after_its_deadline(account) -> None:
    one = account()
    replies: list[Any] = [Hang(), state()]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(12)
        assert (told(ear)[-1], len(fetches(one))) == ("live", 2)


@virtually
async def test_a_429_keeps_the_address_quiet(account) -> None:
    one = account()
    replies = [HttpReply(429, {"retry-after": "20"}), state()]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(19)
        assert len(fetches(one)) == 1
        await asyncio.sleep(3)
        assert len(fetches(one)) == 2


@virtually
async def test_what_the_plugin_says_of_the_wait_is_heeded(account) -> None:
    one = account()
    replies = [HttpReply(425), state()]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(39)
        assert len(fetches(one)) == 1
        await asyncio.sleep(3)
        assert len(fetches(one)) == 2


@virtually
async def test_a_key_that_was_revoked_ends_it_by_name_and_nobody_insists(account) -> None:
    one = account()
    async with one:
        [ear] = await live(one)
        one.network.on_fetch = lambda _: HttpReply(401)
        one.far.peer.drop()
        await asyncio.sleep(3)
        ack(one)
        await asyncio.sleep(100)
        view = one.registry.snapshot.supervised[ID]
        assert (one.state(ID), view.fatal, view.text) == ("DISCONNECTED", True, "key revoked")
        assert (len(one.network.dials), len(fetches(one))) == (2, 2)
        assert told(ear)[-1] == "closed"
        assert ear.topic.reason == "key revoked"


@virtually
async def test_a_clock_that_is_wrong_is_set_and_it_is_fetched_again(account) -> None:
    def gateway_server_time(target: spi.Target) -> spi.Conversation[int]:
        reply = yield spi.Fetch("GET", "http://memory/time")
        return reply.json()["now"]

    one = account(gateway_server_time=gateway_server_time)
    fetched: list[str] = []

    def on_fetch(request: spi.Fetch) -> HttpReply:
        fetched.append(request.url.rpartition("/")[2])
        if fetched[-1] == "time":
            return HttpReply(200, body=b'{"now":77000000}')
        return HttpReply(408) if one.clock.offset_us == 0 else state()

    one.network.on_fetch = on_fetch
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(3)
        assert fetched == ["account", "time", "account"]
        assert told(ear)[-1] == "live"


@virtually
async def test_a_stream_that_is_revoked_and_served_again_is_blind_in_between(account) -> None:
    one = account()
    async with one:
        [ear] = await live(one)
        one.far.say(op="ended", stream="orders", reason="maintenance")
        await asyncio.sleep(2)
        one.far.ack("orders")
        await one.quiet()
        assert [one if isinstance(one, str) else one[0] for one in told(ear)] == [
            "disconnected",
            "restored",
            "gap",
            "resyncing",
            "snapshot",
            "synced",
            "live",
        ]
        assert len(fetches(one)) == 2


@virtually
async def test_what_shows_while_it_is_being_fetched_is_fetched_for_anew(account, variant) -> None:
    """What is on its way may have been written before."""
    one = account()
    one.network.on_fetch = lambda _: Later(1.0, state([order("new")]))
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await asyncio.sleep(0.5)
        feed = one.link(ID).connection.feeds["orders"]
        feed.lost("sequence_gap", one.wall_us())
        await asyncio.sleep(1)
        assert told(ear)[1:] == ["resyncing"]
        await asyncio.sleep(1)
        assert told(ear)[2:] == [("snapshot", ["new"]), "synced", "live"]
        assert len(fetches(one)) == 2


@virtually
async def test_a_stream_that_is_wanted_later_is_fetched_for_by_itself(account) -> None:
    one = account()
    async with one:
        [orders] = await live(one)
        await live(one, BALANCES)
        assert (told(orders), len(fetches(one))) == ([], 2)


@virtually
async def test_nobody_wants_it_any_more(account) -> None:
    one = account()
    async with one:
        await live(one, ORDERS)
        one.network.on_fetch = lambda _: Later(5.0, state())
        ear = await one.hear(BALANCES)
        ack(one)
        await one.quiet()
        ear.leave()
        await asyncio.sleep(6)
        assert ear.heard == []


@virtually
async def test_a_disconnect_gives_up_what_is_being_fetched(account) -> None:
    one = account()
    one.network.on_fetch = lambda _: Hang()
    async with one:
        await one.hear(ORDERS)
        ack(one)
        await one.quiet()
        before = asyncio.get_running_loop().time()
        await one.links.hold_down(ID)
        assert asyncio.get_running_loop().time() - before < 1, "nobody waits for its reply"
        assert not [task for task in asyncio.all_tasks() if "reconcile" in task.get_name()]


# --- plugins


def conversation(found: Any) -> Callable[..., Any]:
    def gateway_reconcile(target: spi.Target) -> Any:
        def made():
            yield ACCOUNT
            return found

        return made()

    return gateway_reconcile


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (conversation([spi.Data("orders", [spi.Trade(1, "1", "1", "buy", 1)])]), "cannot be used (TypeError)"),
        (conversation([spi.Data("orders", 5)]), "cannot be used (TypeError)"),
        (conversation([5]), "must return a Data, not int"),
        (lambda target: 1 / 0, "gateway_reconcile raised ZeroDivisionError"),
    ],
)
@virtually
async def test_one_that_breaks_over_it_is_named_and_its_streams_go_on(account, hook, problem) -> None:
    one = account(gateway_reconcile=hook)
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await one.quiet()
        say(one, **order("new"))
        await asyncio.sleep(PATIENCE + 1)
        assert told(ear) == ["resyncing", ("update", ["new"])]
        assert problem in str(one.seen.noticed_of("reconcile_failed")[0])
        assert one.state(ID) == "CONNECTED"


@virtually
async def test_one_that_cannot_leaves_the_stream_as_all_there_is(account) -> None:
    one = account(gateway_reconcile=lambda target: None)
    async with one:
        [ear] = await one.hear_all(ORDERS)
        ack(one)
        await one.quiet()
        say(one, **order("new"))
        await one.quiet()
        assert told(ear) == ["live", ("update", ["new"])]


@virtually
async def test_one_that_is_silent_about_a_stream_leaves_it_as_all_there_is(account) -> None:
    one = account(gateway_reconcile=conversation([spi.Data("balances", ())]))
    async with one:
        orders, balances = await one.hear_all(ORDERS, BALANCES)
        ack(one)
        await one.quiet()
        assert (told(orders), told(balances)) == (["live"], [("snapshot", []), "live"])


@virtually
async def test_a_defect_of_ours_is_said_aloud_and_holds_nothing_up(account, monkeypatch) -> None:
    one = account()
    async with one:
        [ear] = await one.hear_all(ORDERS)
        monkeypatch.setattr(type(one.ground.rng), "uniform", lambda *_: 1 / 0, raising=False)
        one.network.on_fetch = lambda _: HttpReply(503)
        ack(one)
        await one.quiet()
        monkeypatch.undo()
        say(one, **order("new"))
        await one.quiet()
        assert told(ear) == ["resyncing", ("update", ["new"])]
        assert "ZeroDivisionError" in str(one.seen.noticed_of("internal_error"))


# --- a second connection


@virtually
async def test_one_that_takes_over_fetches_what_the_first_was_fetching(account) -> None:
    one = account()
    async with one:
        [ear] = await live(one)
        say(one, **order("new"))
        await one.quiet()
        one.network.on_fetch = lambda _: Later(5.0, state([order("new")]))
        one.link(ID).connection.feeds["orders"].lost("sequence_gap", one.wall_us())
        rolled = one.links.roll(ID)
        await asyncio.sleep(0.5)
        one.network.on_fetch = lambda _: Later(0.5, state([order("new")]))
        ack(one)
        await asyncio.sleep(3)
        assert rolled.result()
        assert [one if isinstance(one, str) else one[0] for one in told(ear)] == [
            "update",
            "gap",
            "resyncing",
            "snapshot",
            "synced",
            "live",
        ]


# --- frames beside records


@virtually
async def test_for_frames_alone_nothing_is_fetched_and_records_that_join_them_begin_with_the_whole(
    account,
) -> None:
    one = account(gateway_route=lambda subscription: spi.Route("private", "orders", subscription.account))
    async with one:
        (raw,) = await one.hear_all("mock:raw:@main")
        ack(one)
        await one.quiet()
        say(one, **order("new"))
        await one.quiet()
        assert [one if isinstance(one, str) else "frame" for one in frames(raw)] == ["live", "frame"]
        assert one.asked == []

        one.network.on_fetch = lambda _: state([order("filled", "1", ts=2)])
        (orders,) = await one.hear_all(ORDERS)
        await one.quiet()
        assert told(orders) == [("snapshot", ["filled"]), "live"]
        say(one, **order("new", ts=1))
        say(one, **order("filled", "1", ts=3))
        await one.quiet()
        assert told(orders)[2:] == [("update", ["filled"])]
        assert [json.loads(one)["data"][0]["ts"] for one in frames(raw)[1:]] == [1, 1, 3]
        assert (len(one.asked), len(one.network.dials)) == (1, 1)


def frames(ear: Any) -> list[Any]:
    """What a raw topic was told: frames, and statuses."""
    return [one.records if isinstance(one, Message) else str(one.status) for one in ear.heard]
