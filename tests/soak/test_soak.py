"""
What goes wrong and when, what is said of it; and a gateway that loses a message of each topic is found out.

With ``GATEWAY_FULL_SIZE`` also one that keeps a descriptor of each connection that ends.
"""

import asyncio
import os
import sys
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from soak import KILLED, RELOADED, kinds, options
from soak_faults import FAULTS, deck
from soak_ledger import Counts
from soak_levels import Judged
from soak_report import Found, defects, lines
from soak_stage import differing

from gateway.testing.trend import Trend

SOAK = Path(__file__).with_name("soak.py")
SMALL = ("--connections", "5", "--rate", "200", "--pulse", "0.4")
FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
STEADY, HARRIED = "the steady client", "the client whose line is bad"

pytestmark = pytest.mark.timeout(400)


def test_everything_goes_wrong_once_before_anything_does_again():
    drawn = list(islice(deck(Random(1), [*FAULTS]), 3 * len(FAULTS)))
    rounds = [drawn[at : at + len(FAULTS)] for at in range(0, len(drawn), len(FAULTS))]
    assert all(sorted(one) == sorted(FAULTS) for one in rounds)
    assert rounds[0] != rounds[1]


def test_a_seed_decides_the_order():
    first, again, other = (list(islice(deck(Random(seed), [*FAULTS]), 50)) for seed in (1, 1, 2))
    assert first == again != other


def drawn_in(minutes, period):
    """Return what goes wrong in a run with something every half a minute."""
    now, found = 0.0, []
    going_wrong = kinds(deck(Random(1), [*FAULTS]), period, lambda: now)
    while now < minutes * 60:
        now += 30
        found.append(next(going_wrong))
    return found


@pytest.mark.parametrize(("minutes", "period", "times"), [(10, 240, 2), (600, 3600, 10)])
def test_reloads_and_kills_are_due_by_the_clock(minutes, period, times):
    found = drawn_in(minutes, period)
    assert (found.count(RELOADED), found.count(KILLED)) == (times, times)
    assert len(found) == minutes * 2


def test_ten_minutes_and_fifty_connections_are_the_default():
    given = options([])
    assert (given.minutes, given.connections, given.rate, given.every, given.plant) == (10, 50, 2000, 30, ())


UP = ["CONNECTED"] * 3
THERE = {"sockets": 3, "streams": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("states", "there", "told"),
    [
        (UP, THERE, ""),
        ([*UP[1:], "ERROR"], THERE, "2 of 3 connections up; the venue has 3 sockets with 3 streams, 3 distinct"),
        (
            [*UP, "RECONNECTING"],
            THERE,
            "3 of 4 connections up; the venue has 3 sockets with 3 streams, 3 distinct",
        ),
        (UP, THERE | {"sockets": 4}, "3 of 3 connections up; the venue has 4 sockets with 3 streams, 3 distinct"),
        (
            UP,
            THERE | {"streams": ["a", "b", "b"]},
            "3 of 3 connections up; the venue has 3 sockets with 3 streams, 2 distinct",
        ),
    ],
)
def test_gateway_and_venue_have_one_of_each_or_differ(states, there, told):
    assert differing(3, states, there) == told


GROWTH = Judged(1.0, 2.0, 3.0, Trend(10.0, 9.0, 11.0), 8.0)
UNSURE = Judged(1.0, 2.0, 3.0, Trend(10.0, 7.0, 11.0), 8.0)


def test_what_grows_is_no_more_than_a_remark_where_nobody_can_tell():
    found = Found(judged={"tasks": GROWTH, "timers": UNSURE})
    assert found.complaints == ["tasks grow for certain"]
    told = [one for one in lines(found) if one.startswith(("tasks", "timers"))]
    assert [one.rpartition("  ")[2] for one in told] == ["GROWS", "cannot be told yet"]


def test_everything_that_is_wrong_is_a_complaint():
    found = Found(wrong=["no end"], counts={"it": Counts(untold=2, doubled=1)})
    assert found.complaints == [
        "no end",
        "it: 2 records are missing and nobody said so",
        "it: 1 records came twice",
    ]
    assert Found().complaints == []


FLAT = Judged(1.0, 2.0, 3.0, Trend(1.0, 0.0, 2.0), 8.0)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Found(judged={"tasks": FLAT}), "all as promised"),
        (Found(), "all as promised, but it was too short to tell whether anything grows"),
        (
            Found(judged={"tasks": FLAT, "timers": UNSURE}),
            "all as promised, but it was too short to tell whether these grow: timers",
        ),
        (Found(judged={"tasks": GROWTH, "timers": UNSURE}), "not as promised"),
    ],
)
def test_the_last_line_promises_no_more_than_was_seen(found, verdict):
    assert found.verdict == verdict


def test_what_the_gateway_calls_its_own_defects_is_wrong():
    events = 'gateway_events_total{{exchange="mock",event="{}"}}'.format
    lost = 'gateway_connection_changes_total{{exchange="mock",state="ERROR",reason="{}"}}'.format
    metrics = {events("internal_error"): 1.0, events("plugin_error"): 0.0, events("rollover_failed"): 3.0}
    metrics |= {lost("plugin_error"): 2.0, lost("connection_reset"): 9.0}
    assert defects(metrics) == [
        f"the gateway counted {events('internal_error')}: 1",
        f"the gateway counted {lost('plugin_error')}: 2",
    ]


async def soaked(*words):
    """Run the command and return its status and what it found to be wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SOAK), *SMALL, *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    told = out.decode()
    assert "records" in told
    wrong = [one.removeprefix("WRONG: ") for one in told.splitlines() if one.startswith("WRONG: ")]
    return process.returncode, wrong, told


def losses(who):
    """Return every way in which so many topics can have lost a message each, and sent one twice."""
    what = ("records are missing and nobody said so", "jumps between offsets", "records came twice")
    return {f"{who}: {times} {one}" for times in range(1, 6) for one in what}


async def test_a_message_that_a_gateway_loses_or_sends_twice_is_found_and_all_else_is_well():
    """Of each topic the twenty-first and the thirtieth; the second client may come after them."""
    words = ("--minutes", "0.05", "--every", "1", "--only", "all_reset", "stalled_streams")
    status, wrong, told = await soaked(*words, "--plant", "loss", "double")
    assert status == 1, told
    assert f"{STEADY}: 5 records are missing and nobody said so" in wrong, told
    assert {f"{STEADY}: 5 jumps between offsets", f"{STEADY}: 5 records came twice"} <= set(wrong)
    assert set(wrong) <= losses(STEADY) | losses(HARRIED)


if FULL:

    async def test_a_descriptor_that_a_gateway_keeps_of_each_connection_is_found():
        words = ("--minutes", "0.7", "--every", "1.5", "--only", "all_reset")
        assert (await soaked(*words))[0] == 0
        status, wrong, told = await soaked(*words, "--plant", "leak")
        assert (status, wrong) == (1, ["descriptors grow for certain"]), told
