"""What each fault of the exchange's side must lead to, beyond what must hold whatever goes wrong."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from stage import ACCOUNT, PRIVATE, PUBLIC, STREAMS, TRADES, Meanwhile, Played

DETECTED: Final = 7.5
"""Seconds within which a dead peer must be left: one and a half of the mock exchange's five between two pings."""
DIAL: Final = 10.0
"""Seconds that a dial may take, with all that belongs to it."""
CAP: Final = 30.0
BEGUN: Final = 10.0
"""When the faults of the catalogue begin, in seconds."""
BTC, ETH, SOL = (f"mock:trades:{one.upper().replace('_', '-')}" for one in TRADES)
QUOTES, BOOK, ORDERS = "mock:quotes:ETH-USDT", "mock:book:SOL-USDT", "mock:orders:@main"

Check = Callable[[Played], bool]


@dataclass(frozen=True)
class Expected:
    """
    What must come of a fault.

    ``reasons`` are all those for which a connection fails, besides the ends that
    the scenario itself brings about; ``stops`` tells that one connection, and
    only one, is given up until somebody acts; ``closed`` are the topics that
    are refused; ``repeats`` are topics that may tell a datum again right after it;
    ``steps`` are played instead of the catalogue's.
    """

    reasons: frozenset[str] = frozenset()
    stops: bool = False
    closed: frozenset[str] = frozenset()
    repeats: frozenset[str] = frozenset()
    checks: Mapping[str, Check] | None = None
    steps: tuple[Mapping[str, Any], ...] = ()
    meanwhile: Meanwhile | None = None


def fails(*reasons: str, **more: Any) -> Expected:
    """Return that connections fail for these reasons and come back."""
    return Expected(frozenset(reasons), **more)


STAYS: Final = Expected()
"""No connection fails but by the scenario's own ends."""


def ends(*reasons: str, **more: Any) -> Expected:
    """Return that one connection fails for one of these reasons and is not dialled any more."""
    checks = {"it is not dialled again": lambda played: played.dials.between(BEGUN + 5, 1e9) == 0}
    return Expected(frozenset(reasons), stops=True, closed=frozenset({ORDERS}), checks=checks, **more)


def left_in_time(since: float) -> Check:
    """Return whether both were left in time after something went wrong at ``since``."""
    return lambda played: all(
        played.at(id_, "ERROR", since=since)[0] <= since + DETECTED for id_ in (PUBLIC, PRIVATE)
    )


in_time: Final = left_in_time(BEGUN)


def back_within(seconds: float, after: float = BEGUN) -> Check:
    """Return whether each connection that was lost is back so many seconds after that."""
    return lambda played: all(
        played.at(id_, "CONNECTED", since=after)[0] <= after + seconds for id_ in (PUBLIC, PRIVATE)
    )


def quiet(begin: float, end: float) -> Check:
    """Return whether nobody dials between these times."""
    return lambda played: played.dials.between(begin, end) == 0


def grows(begin: float, end: float, most: int) -> Check:
    """Return whether each of the two is dialled so often at most between these times, ever more slowly."""
    return lambda played: 4 <= played.dials.between(begin, end) <= 2 * most


def waited(seconds: float) -> Check:
    """Return whether whoever was refused waited at least so long."""

    def check(played: Played) -> bool:
        waits = []
        for id_ in (PUBLIC, PRIVATE):
            changes = played.moves.of(id_)
            for one, after in zip(changes, changes[2:], strict=False):
                if one.after == "ERROR" and one.reason == "upgrade_refused":
                    waits.append((after.at_us - one.at_us) / 1e6)
        return bool(waits) and min(waits) >= seconds

    return check


def told(topic: str, status: str) -> Check:
    """Return whether listeners of ``topic`` were told so."""
    return lambda played: status in played.statuses(topic)


def untold(status: str, *topics: str) -> Check:
    """Return whether no listener of ``topics`` was told so, until the gateway stopped."""
    return lambda played: all(played.statuses(topic)[:-1].count(status) == 0 for topic in topics)


def only_live(*topics: str) -> Check:
    """Return whether nothing at all was told of ``topics``, but that they flow."""
    return lambda played: all(played.statuses(topic)[:-1] == ["live"] for topic in topics)


def login_first(played: Played) -> bool:
    """Say whether nothing was asked for on an account's socket before its login was accepted."""
    private = [peer for peer in played.network.peers if peer.step.url.endswith("/private")]
    asked = [[json.loads(frame)["op"] for frame in peer.sent] for peer in private]
    answered = [ops for ops in asked if len(ops) > 1]
    return len(answered) < len(asked) and all(ops[0] == "login" and "login" not in ops[1:] for ops in asked)


def pongs(played: Played) -> bool:
    """Say whether the exchange's ping was answered with all that it held, on each socket."""
    answers = [payload for peer in played.network.peers for payload in peer.pongs]
    return answers.count(b"p" * 125) == 2


async def hang_up(played: Played) -> None:
    """End a connection whose peer ignores that, and want it again."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(BEGUN + 5)
    began = loop.time()
    await played.gateway.disconnect_account(ACCOUNT)
    played.found["seconds"] = loop.time() - began
    await played.gateway.connect_account(ACCOUNT)


async def come_and_go(played: Played) -> None:
    """Want and give up streams while connections end, and want the usual ones in the end."""
    rng, hearing = Random(7), {}
    names = [f"mock:{channel}:{one}" for channel in ("ticker", "quotes") for one in ("BTC-USDT", "SOL-USDT")]
    for _ in range(200):
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        name = rng.choice(names)
        if name in hearing:
            hearing.pop(name)()
        else:
            hearing[name] = await played.gateway.listen(name, lambda _: None)
    for leave in hearing.values():
        leave()


async def three_and_two(played: Played) -> None:
    """Have three listeners of one stream, of which two leave while the connection is away."""
    leaves = [await played.gateway.listen("mock:ticker:BTC-USDT", lambda _: None) for _ in range(3)]
    await asyncio.sleep(BEGUN + 0.01)
    for leave in leaves[1:]:
        leave()
    await asyncio.sleep(60.0)
    played.found["wanted"] = "ticker.btc_usdt" in played.venue.wanted()
    leaves[0]()
    await asyncio.sleep(60.0)  # longer than it lingers
    asked = [json.loads(frame) for peer in played.network.peers for frame in peer.sent]
    given_up = [one for one in asked if one["op"] == "unsubscribe" and "ticker.btc_usdt" in one["streams"]]
    played.found["given up"] = len(given_up)


def step(at: float, do: str, **more: Any) -> Mapping[str, Any]:
    """Return a step of a scenario; ``lasts`` is its ``for``."""
    if "lasts" in more:
        more["for"] = more.pop("lasts")
    return {"at": at, "do": do, **more}


DROP: Final = step(BEGUN, "drop")
AFTERWARDS: Final = "back within the longest wait after it is over"

EXPECTED: Final[Mapping[str, Expected]] = {
    "A01": fails("connection_refused", checks={AFTERWARDS: back_within(CAP, 30.0)}),
    "A07": fails("connection_reset"),
    "A08": fails("connection_reset", checks={"at once": back_within(1.01)}),
    "A09": fails("closed_by_peer", checks={"at once": back_within(1.01)}),
    "A10": fails("heartbeat_missed", "deadline_missed", checks={"in time": in_time}),
    "A11": fails("heartbeat_missed", "deadline_missed", checks={"in time": in_time}),
    "A12": STAYS,
    "B01": ends("upgrade_refused"),
    "B02": fails("upgrade_refused", checks={"rarely": waited(60.0)}),
    "B03": fails("upgrade_refused", checks={"nobody dials": quiet(BEGUN + 0.5, 130.0)}),
    "B04": fails(
        "upgrade_refused",
        checks={
            "as it is asked": quiet(10.2, 17.0),
            "until a date": quiet(20.3, 29.9),
            "a minute": quiet(30.1, 89.9),
        },
    ),
    "B05": ends("upgrade_refused"),
    "B06": fails("upgrade_refused", checks={"as it is asked": waited(2.0)}),
    "B07": ends("redirected"),
    "B08": ends("redirected"),
    "B09": fails("upgrade_refused"),
    "B10": fails("protocol_error"),
    "B11": fails("protocol_error"),
    "B12": fails("deadline_missed", checks={"in time": back_within(DIAL + 2)}),
    "B13": fails("protocol_error"),
    "B14": Expected(checks={"what came first is heard": back_within(1.01)}),
    "B15": fails("closed_by_peer", checks={"ever more slowly": grows(BEGUN, 30.0, 12)}),
    "B16": fails("deadline_missed", checks={"in time": back_within(DIAL + 2)}),
    "B17": fails("deadline_missed", checks={AFTERWARDS: back_within(CAP, 41.0)}),
    "C01": fails("protocol_error", checks={"at once": back_within(1.01)}),
    "C02": fails("protocol_error", checks={"at once": back_within(1.01)}),
    "C03": fails("heartbeat_missed", checks={"in time": in_time}),
    "C04": fails("heartbeat_missed", checks={"in time": in_time}),
    "C05": fails("protocol_error"),
    "C06": fails("protocol_error"),
    "C07": STAYS,
    "C08": fails("protocol_error"),
    "C09": fails("protocol_error"),
    "C10": fails("protocol_error"),
    "C11": STAYS,
    "C12": STAYS,
    "C13": STAYS,
    "C14": STAYS,
    "C15": STAYS,
    "C16": Expected(checks={"with all that it held": pongs}),
    "C17": STAYS,
    "C18": STAYS,
    "D01": fails(
        "heartbeat_missed",
        checks={
            "where none comes": in_time,
            "where they are of another ping": left_in_time(30.0),
            "where they are late": left_in_time(50.0),
        },
    ),
    "D02": STAYS,
    "D03": STAYS,
    "D04": fails(
        "data_stalled",
        checks={
            "by the streams' own rhythm": lambda played: played.at(PUBLIC, "ERROR")[0] <= BEGUN + 30.0,
            "an account may be silent": lambda played: played.at(PRIVATE, "ERROR") == [],
        },
    ),
    "D05": Expected(
        checks={
            "it is told": told(BTC, "stale"),
            "no other notices": only_live(ETH, SOL, QUOTES, ORDERS),
            "another takes over": lambda played: any(one.reason == "rollover" for one in played.moves.of(PUBLIC)),
        }
    ),
    "D06": Expected(
        repeats=frozenset({QUOTES}),  # until it is known that they are
        checks={
            "it is told": told(QUOTES, "stale"),
            "no other notices": only_live(BTC, ETH, SOL, ORDERS),
            "another takes over": lambda played: any(one.reason == "rollover" for one in played.moves.of(PUBLIC)),
        },
    ),
    "D07": fails("no_data", checks={"an account may be silent": lambda played: played.at(PRIVATE, "ERROR") == []}),
    "D09": Expected(steps=(step(0, "limit_idle", seconds=30, code=4000), step(3000, "heal"), DROP)),
    "E01": fails("closed_by_peer", checks={"at once": back_within(1.01)}),
    "E02": fails("closed_by_peer", checks={"at once": back_within(1.01), "again": back_within(1.01, 20.0)}),
    "E03": fails("closed_by_peer", checks={"at once": back_within(1.01)}),
    "E04": fails("closed_by_peer"),
    "E05": fails("closed_by_peer"),
    "E06": fails("closed_by_peer"),
    "E07": fails("protocol_error"),
    "E08": Expected(meanwhile=hang_up, checks={"in three seconds": lambda played: played.found["seconds"] <= 3.5}),
    "E09": Expected(
        steps=(step(BEGUN, "announce", seconds=30),),
        checks={
            "nobody notices": only_live(BTC, ETH, SOL, QUOTES, ORDERS),
            "never more than two for one": lambda played: played.network.most_held <= 4,
            "both are left": lambda played: len(played.network.peers) == 4,
        },
    ),
    "E11": fails("closed_by_peer", checks={"ever more slowly": grows(BEGUN, 40.0, 12)}),
    "E12": fails(
        "connection_refused",
        checks={
            AFTERWARDS: back_within(CAP, 7210.0),
            "seldom": lambda played: played.dials.between(60, 7200) <= 2 * 7200 / 10,
            "the longest wait is not the only one": lambda played: (
                len({round(at) for at, _ in played.dials.at}) > 300
            ),
        },
    ),
    "E13": fails("closed_by_peer", checks={"at once": back_within(1.01)}),
    "E18": fails(
        "connection_refused",
        steps=(step(BEGUN, "refuse_dials", lasts=20_000), DROP),
        checks={"it is never given up": lambda played: played.at(PUBLIC, "DISCONNECTED")[:-1] == []},
    ),
    "F01": ends("login_refused"),
    "F02": fails("deadline_missed", checks={"nothing is asked before": login_first}),
    "F03": fails("deadline_missed"),
    "F04": Expected(
        steps=(step(BEGUN, "lose_acks", count=1, after=1), DROP),
        checks={"it is asked for again": back_within(DIAL + 2)},
    ),
    "F05": Expected(closed=frozenset({QUOTES}), checks={"at once": back_within(1.01)}),
    "F06": Expected(closed=frozenset({QUOTES, BOOK}), checks={"at once": back_within(1.01)}),
    "F07": fails("deadline_missed"),
    "F08": fails("deadline_missed"),
    "F09": fails("protocol_error"),
    "F10": fails("deadline_missed"),
    "F11": fails("closed_by_peer"),
    "F12": Expected(steps=(step(0, "limit_messages", most=50, per=1), step(BEGUN, "drop", every=5, until=100))),
    "F13": Expected(meanwhile=come_and_go),
    "F14": Expected(
        meanwhile=three_and_two,
        checks={
            "one is still there": lambda played: played.found["wanted"],
            "it is given up with the last, once": lambda played: played.found["given up"] == 1,
        },
    ),
    "F15": Expected(checks={"it is told": told(BTC, "stale"), "it flows again": told(BTC, "live")}),
    "F16": Expected(closed=frozenset({SOL, QUOTES, BOOK})),
    "F17": Expected(
        checks={
            "it is told": told(ORDERS, "gap"),
            "it flows again": lambda played: played.statuses(ORDERS).count("live") == 2,
            "no other notices": only_live(BTC, ETH, SOL, QUOTES),
        }
    ),
    "F20": ends("login_refused"),
    "F21": ends("login_refused"),
}
"""A row that is not here is shown by tests of its own."""

SERVED: Final[Mapping[str, str]] = {
    **{f"mock:trades:{one.upper().replace('_', '-')}": f"trades.{one}" for one in TRADES},
    QUOTES: "quotes.eth_usdt",
    BOOK: "book.sol_usdt",
    ORDERS: "orders",
}
assert set(SERVED.values()) == STREAMS
