"""Scenarios: how they are read, what is told of wrong ones, and that each word does what it says when due."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.testing.faults import ALWAYS, Noise
from gateway.testing.kinds import TEXT, Key
from gateway.testing.scenario import Scenario, play, playing
from gateway.testing.scenario_files import ScenarioError, load, read
from gateway.testing.venue import Venue
from gateway.testing.virtual import virtually
from gateway.testing.ways import Ack, Body, Cut, Pong, Quota, Refusal, Upgrade
from gateway.testing.words import WORDS, Word


def scenario(*steps: str) -> Scenario:
    """Return the scenario of steps that are given as inline tables."""
    return read("steps = [" + ", ".join(f"{{ {step} }}" for step in steps) + "]")


async def played(venue: Venue, *steps: str) -> list[tuple[float, str]]:
    """Play and return when what was told."""
    loop, told = asyncio.get_running_loop(), []
    begun = loop.time()
    await play(scenario(*steps), venue, lambda moment: told.append((loop.time() - begun, str(moment))))
    return told


# --- time


@virtually
async def test_steps_come_in_the_order_of_their_times_and_then_of_the_file() -> None:
    told = await played(
        Venue(), 'at = 5, do = "stall"', 'at = 1.5, do = "mute"', 'at = 5, do = "deaf"', 'at = 0, do = "heal"'
    )
    assert told == [(0, "0 s: heal"), (1.5, "1.5 s: mute"), (5, "5 s: stall"), (5, "5 s: deaf")]


@virtually
async def test_a_step_comes_again_and_again_and_each_time_heals() -> None:
    venue = Venue()
    told = await played(venue, 'at = 1, do = "mute", for = 2, every = 3, until = 7', 'at = 5, do = "drop"')
    assert [line for _, line in told] == [
        *("1 s: mute", "3 s: mute is over", "4 s: mute", "5 s: drop", "6 s: mute is over"),
        *("7 s: mute", "9 s: mute is over"),
    ]
    assert [at for at, _ in told] == [1, 3, 4, 5, 6, 7, 9]
    assert not venue.faults.mute


@virtually
async def test_many_repetitions_do_not_drift() -> None:
    told = await played(Venue(), 'at = 0, do = "drop", every = 0.1, until = 1000')
    assert len(told) == 10_001
    assert told[-1] == (pytest.approx(1000.0), "1000 s: drop")


@virtually
async def test_what_never_ends_is_played_as_long_as_somebody_wants() -> None:
    venue = Venue()
    async with playing(scenario('at = 1, do = "mute", for = 1, every = 2'), venue):
        await asyncio.sleep(9.5)
        assert venue.faults.mute
        await asyncio.sleep(1)
        assert not venue.faults.mute


@virtually
async def test_no_scenario_is_none_that_ever_ends() -> None:
    async with playing(None, Venue()):
        await asyncio.sleep(1)


@virtually
async def test_what_goes_wrong_in_a_step_is_the_venues_failure() -> None:
    venue = Venue()
    venue.drop = lambda **_: 1 / 0
    with pytest.raises(ExceptionGroup, match="the venue failed"):
        async with playing(scenario('at = 1, do = "drop"'), venue):
            await venue.wait()


async def test_a_scenario_plays_in_real_time_too(acme, session) -> None:
    async with session.ws_connect(acme.url) as ws, playing(scenario('at = 0.05, do = "say", text = "now"'), acme):
        assert await ws.receive_str() == "now"


# --- words

EFFECTS: dict[str, tuple[str, Any]] = {
    "reset_dials": ("", lambda faults: faults.reset_dials.strike() is True),
    "hang_upgrades": ("", lambda faults: faults.hang_upgrades.strike() is True),
    "refuse_upgrades": (
        'status = 429, headers = { A = "b" }, body = "x"',
        lambda faults: faults.refuse_upgrades.strike() == Refusal(429, {"A": "b"}, b"x"),
    ),
    "bend_upgrades": ('how = "no_http"', lambda faults: faults.bend_upgrades.strike() is Upgrade.NO_HTTP),
    "delay_upgrades": ("seconds = 2", lambda faults: faults.upgrade_delay == 2),
    "mute": ("", lambda faults: faults.mute),
    "deaf": ("", lambda faults: faults.deaf),
    "ignore_closes": ("", lambda faults: faults.ignore_closes),
    "deflate": ("", lambda faults: faults.deflate),
    "withhold_pings": ("", lambda faults: faults.no_pings),
    "bend_pongs": ('how = "wrong"', lambda faults: faults.bend_pongs.strike() is Pong.WRONG),
    "delay_pongs": ("seconds = 0.5", lambda faults: faults.pong_delay == 0.5),
    "limit_age": ("seconds = 9, code = 1013", lambda faults: faults.age_limit == Cut(9, 1013)),
    "limit_idle": ("seconds = 9", lambda faults: faults.idle_limit == Cut(9, 1001)),
    "limit_messages": ("most = 5, per = 2", lambda faults: faults.message_limit == Quota(5, 2, 1008)),
    "refuse_logins": ('text = "no"', lambda faults: faults.refuse_logins.strike() == "no"),
    "one_session": ("code = 4001", lambda faults: faults.one_session == 4001),
    "close_at_subscribe": ("code = 1006", lambda faults: faults.close_at_subscribe.strike() == 1006),
    "refuse_subscribes": ("", lambda faults: faults.refuse_subscribes.strike() == "refused"),
    "refuse_streams": ('streams = ["a", "b"]', lambda faults: faults.refused_streams == {"a", "b"}),
    "limit_streams": ("most = 3", lambda faults: faults.stream_limit == 3),
    "lose_acks": ("", lambda faults: faults.lose_acks.strike() is True),
    "bend_acks": ('how = "swapped"', lambda faults: faults.bend_acks.strike() is Ack.SWAPPED),
    "delay_acks": ("seconds = 1", lambda faults: faults.ack_delay == 1),
    "stall": ("", lambda faults: faults.stall),
    "stall_streams": ('streams = ["a"]', lambda faults: faults.stalled_streams == {"a"}),
    "freeze_streams": ('streams = ["a"]', lambda faults: faults.frozen_streams == {"a"}),
    "send_unasked": ('streams = ["a"]', lambda faults: faults.unasked_streams == {"a"}),
    "refuse_requests": ("status = 503", lambda faults: faults.refuse_requests.strike() == Refusal(503)),
    "hang_requests": ("", lambda faults: faults.hang_requests.strike() is True),
    "bend_replies": ('how = "cut"', lambda faults: faults.bend_replies.strike() is Body.CUT),
    "delay_replies": ("seconds = 1", lambda faults: faults.reply_delay == 1),
}
"""What a fault is armed with, and how that shows."""
AT_ONCE = (
    "heal",
    "drop",
    "noise",
    "say",
    "ping",
    "pong",
    "skip",
    "lose",
    "repeat",
    "swap",
    "forget",
    "end",
    "announce",
)


def test_every_word_is_tried() -> None:
    assert {*EFFECTS, *AT_ONCE, "refuse_dials", "freeze"} == set(WORDS)
    assert {word for word, one in WORDS.items() if one.heal is None} == set(AT_ONCE)


@pytest.mark.parametrize("word", EFFECTS)
@virtually
async def test_a_word_arms_its_fault_and_the_healing_clears_it(word: str) -> None:
    values, shows = EFFECTS[word]
    step = ", ".join(part for part in ("at = 1", f'do = "{word}"', values) if part)
    venue = Venue()
    assert not shows(venue.faults)
    await played(venue, step)
    assert shows(venue.faults)
    await played(venue, f"{step}, for = 3")
    assert not shows(venue.faults)
    await played(venue, step, 'at = 2, do = "heal"')
    assert not shows(venue.faults)


@pytest.mark.parametrize("word", [word for word, one in WORDS.items() if "after" in one.keys])
@virtually
async def test_a_fault_strikes_as_often_as_asked_after_it_spared_some(word: str) -> None:
    values, _ = EFFECTS[word]
    venue = Venue()
    base = ", ".join(part for part in ("at = 0", f'do = "{word}"', values) if part)
    fault = getattr(venue.faults, word)
    await played(venue, f"{base}, count = 2, after = 1")
    assert [bool(fault.strike()) for _ in range(4)] == [False, True, True, False]
    await played(venue, base)
    assert all(fault.strike() for _ in range(100))


def test_what_is_lasting_concerns_no_other_streams(in_memory) -> None:
    async def main(client) -> None:
        client.venue.faults.stalled_streams.add("z")
        await played(client.venue, 'at = 0, do = "stall_streams", streams = ["a"], for = 1')
        assert client.venue.faults.stalled_streams == {"z"}

    in_memory(main)


def test_the_port_is_closed_and_opened_again(in_memory) -> None:
    async def main(client) -> None:
        for end in ("for = 5", ""):
            async with playing(scenario(f'at = 1, do = "refuse_dials"{end and ", "}{end}'), client.venue):
                await asyncio.sleep(3)
                assert client.venue.refuses
                await asyncio.sleep(3)
                assert client.venue.refuses is (not end)
        await played(client.venue, 'at = 0, do = "heal"')
        assert not client.venue.refuses

    in_memory(main)


def test_the_venue_freezes_and_thaws(in_memory) -> None:
    async def main(client) -> None:
        transport = await client.dial()
        async with playing(scenario('at = 0, do = "freeze", for = 5'), client.venue):
            await asyncio.sleep(1)
            await transport.send("hello")
            assert await client.heard(transport) == "hello"
            assert asyncio.get_running_loop().time() == pytest.approx(5.0)
        async with playing(scenario('at = 0, do = "freeze"', 'at = 2, do = "heal"'), client.venue):
            await asyncio.sleep(1)
            await client.told(transport)
        await transport.close()

    in_memory(main)


def test_what_is_said_is_said_to_everybody_so_many_times(in_memory) -> None:
    async def main(client) -> None:
        both = [await client.dial(), await client.dial()]
        await played(
            client.venue, 'at = 0, do = "say", text = "hey", count = 2', 'at = 1, do = "noise", how = "text"'
        )
        await played(client.venue, 'at = 0, do = "ping", payload = "p"', 'at = 0, do = "pong"')
        for transport in both:
            got = [await transport.receive() for _ in range(5)]
            assert [payload for _, payload in got] == [b"hey", b"hey", Noise.TEXT.value[1], b"p", b""]
            assert [kind.value for kind, _ in got] == ["text", "text", "text", "ping", "pong"]
            await transport.close()

    in_memory(main)


@pytest.mark.parametrize(
    ("step", "heard"),
    [
        ('do = "skip", streams = ["a"], count = 2', ["a 3", "b 1", "a 4", "b 2"]),
        ('do = "lose", streams = ["a", "b"]', ["a 2", "b 2"]),
        ('do = "repeat", streams = ["b"]', ["a 1", "b 1", "b 1", "a 2", "b 2"]),
        ('do = "swap", streams = ["a"]', ["b 1", "a 2", "a 1", "b 2"]),
        ('do = "forget", streams = ["a"]', ["b 1", "b 2"]),
        ('do = "end", streams = ["b"]', ["a 1", "a 2"]),
    ],
)
def test_data_go_wrong_at_once(in_memory, step: str, heard: list[str]) -> None:
    async def main(client) -> None:
        transport = await client.subscribed("a", "b")
        await played(client.venue, f"at = 0, {step}")
        client.venue.tick()
        client.venue.tick()
        await client.told(transport, *heard)
        await transport.close()

    in_memory(main)


@pytest.mark.parametrize(
    ("values", "end"),
    [("", (None, "")), (", rst = true", (None, "rst")), (', code = 1012, text = "bye"', (1012, "bye"))],
)
@virtually
async def test_sockets_drop_as_asked(values: str, end: tuple[int | None, str]) -> None:
    venue, dropped = Venue(), []
    venue.drop = lambda **how: dropped.append((how["code"], "rst" if how["rst"] else how["text"]))
    await played(venue, f'at = 0, do = "drop"{values}')
    assert dropped == [end]


@virtually
async def test_exchanges_speak_for_themselves_where_they_can() -> None:
    venue, said = Venue(), []
    venue.announce_closing = said.append
    venue.end_stream = lambda *told: said.append(told)
    await played(venue, 'at = 0, do = "announce", seconds = 30', 'at = 1, do = "end", streams = ["a"], text = "x"')
    assert said == [30, ("a", "x")]


# --- files


def test_a_file_says_what_it_is_about_and_what_happens(tmp_path: Path) -> None:
    file = tmp_path / "outage.toml"
    file.write_text(
        'about = "two hours"\n\n[[steps]]\nat = 1\ndo = "reset_dials"\nevery = 2.5\nuntil = 10\nfor = 1\n'
    )
    found = load(file)
    assert found.about == "two hours"
    [step] = found.steps
    assert (step.do, step.at, step.every, step.until, step.lasts) == ("reset_dials", 1.0, 2.5, 10.0, 1.0)
    assert step.values == {"count": ALWAYS, "after": 0}


WRONG = [
    ("steps = 3", "steps: need a list of tables, each under [[steps]]"),
    ("", "steps: need a list of tables, each under [[steps]]"),
    ("steps = []", "steps: need a list of tables, each under [[steps]]"),
    ("steps = [1]", "steps: need a list of tables, each under [[steps]]"),
    ("about = 1\n[[steps]]", "about: need text, got 1"),
    ("colour = 1\n[[steps]]", "colour: there is no such key; there are: about, steps"),
    ('[[steps]]\nat = 1\ndo = "mutte"', "step 1: do: there is no 'mutte'; did you mean 'mute'?"),
    ('[[steps]]\ndo = "mute"', "step 1: at: mute needs it"),
    ("[[steps]]\nat = 1", "step 1: do: it must be there"),
    ('[[steps]]\nat = -1\ndo = "mute"', "step 1: at: need seconds, 0 or more, got -1"),
    ('[[steps]]\nat = nan\ndo = "mute"', "step 1: at: need seconds, 0 or more, got nan"),
    ('[[steps]]\nat = inf\ndo = "mute"', "step 1: at: need seconds, 0 or more, got inf"),
    ('[[steps]]\nat = "1s"\ndo = "mute"', "step 1: at: need seconds, 0 or more, got '1s'"),
    ('[[steps]]\nat = true\ndo = "mute"', "step 1: at: need seconds, 0 or more, got True"),
    ('[[steps]]\nat = 1\ndo = "mute"\nevery = 0', "step 1: every: need seconds, at least 0.001, got 0"),
    ('[[steps]]\nat = 1\ndo = "mute"\nuntil = 5', "step 1: until: has no sense without every"),
    (
        '[[steps]]\nat = 9\ndo = "mute"\nevery = 1\nuntil = 5',
        "step 1: until: need at least at, which is 9, got 5",
    ),
    (
        '[[steps]]\nat = 1\ndo = "mute"\nevery = 2\nfor = 3',
        "step 1: for: need at most every, which is 2, got 3",
    ),
    (
        '[[steps]]\nat = 1\ndo = "drop"\nfor = 3',
        "step 1: for: drop has no such key; it has: at, every, until, code, text, rst",
    ),
    (
        '[[steps]]\nat = 1\ndo = "heal"\n[[steps]]\nat = 1\ndo = "mute"\ncolour = 3',
        "step 2: colour: mute has no such key; it has: at, every, until, for",
    ),
    ('[[steps]]\nat = 1\ndo = "refuse_upgrades"', "step 1: status: refuse_upgrades needs it"),
    (
        '[[steps]]\nat = 1\ndo = "refuse_upgrades"\nstatus = 99',
        "step 1: status: need an HTTP status from 200 to 599, got 99",
    ),
    (
        '[[steps]]\nat = 1\ndo = "refuse_upgrades"\nstatus = 429\nheaders = { a = 1 }',
        "step 1: headers: need a table of texts, got {'a': 1}",
    ),
    (
        '[[steps]]\nat = 1\ndo = "drop"\ncode = 999',
        "step 1: code: need a close code from 1000 to 4999, got 999",
    ),
    ('[[steps]]\nat = 1\ndo = "drop"\nrst = 1', "step 1: rst: need true or false, got 1"),
    (
        '[[steps]]\nat = 1\ndo = "lose_acks"\ncount = 0',
        "step 1: count: need a whole number above 0, got 0",
    ),
    (
        '[[steps]]\nat = 1\ndo = "lose_acks"\nafter = -1',
        "step 1: after: need a whole number, 0 or more, got -1",
    ),
    (
        '[[steps]]\nat = 1\ndo = "say"\ntext = "x"\ncount = 8001',
        "step 1: count: need a whole number from 1 to 8000, got 8001",
    ),
    ('[[steps]]\nat = 1\ndo = "say"\ntext = 1', "step 1: text: need text, got 1"),
    (
        '[[steps]]\nat = 1\ndo = "stall_streams"\nstreams = []',
        "step 1: streams: need a list of names, got []",
    ),
    (
        '[[steps]]\nat = 1\ndo = "stall_streams"\nstreams = "a"',
        "step 1: streams: need a list of names, got 'a'",
    ),
    (
        '[[steps]]\nat = 1\ndo = "bend_pongs"\nhow = "LOST"',
        "step 1: how: need one of lost, twice, empty, wrong, got 'LOST'",
    ),
    (
        '[[steps]]\nat = 1\ndo = "bend_pongs"\nhow = ["lost"]',
        "step 1: how: need one of lost, twice, empty, wrong, got ['lost']",
    ),
]


HUGE = [
    ("a = " + "[" * 50_000, "scenario: "),
    ("a = " + "9" * 5_000, "4300 digits"),
    ("[[steps]]\ndo = 'mute'\nat = 0x" + "f" * 5_000, "step 1: at: need seconds, 0 or more, got a number"),
    ("[[steps]]\ndo = 'mute'\nat = '" + "x" * 5_000 + "'", "got 'xxx"),
    ("[[steps]]\nat = 1\ndo = '" + "x" * 5_000 + "'", "there is no 'xxx"),
    (f"{'x' * 5_000} = 1", "xxx: there is no such key"),
]


@pytest.mark.parametrize(("text", "told"), HUGE, ids=range(len(HUGE)))
def test_of_what_is_wrong_the_beginning_is_told(text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 2_500


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[sentence[:40] for _, sentence in WRONG])
def test_a_wrong_scenario_is_told_with_file_step_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert str(caught.value) == f"{file}: {sentence}"


def test_a_payload_must_fit_a_control_frame() -> None:
    with pytest.raises(ScenarioError, match="payload: need text of at most 125 bytes"):
        scenario(f'at = 1, do = "ping", payload = "{"é" * 63}"')
    scenario(f'at = 1, do = "ping", payload = "{"p" * 125}"')


def test_what_is_no_toml_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[[steps]]\nat = \n")
    with pytest.raises(ScenarioError, match=r"wrong.toml: Invalid value \(at line 2, column 6\)"):
        load(file)
    file.write_bytes(b"about = '\xff'")
    with pytest.raises(ScenarioError, match="need UTF-8 text"):
        load(file)


def test_an_unknown_word_without_a_likeness_is_told_with_all_there_are() -> None:
    with pytest.raises(ScenarioError, match="there is no 'xyzzy'; there are: refuse_dials, "):
        scenario('at = 1, do = "xyzzy"')


# --- a venue's own words


@virtually
async def test_a_venue_has_words_of_its_own_beside_those_of_all() -> None:
    said = []
    own = {
        "greet": Word("Somebody is greeted.", lambda _, values: said.append(values["whom"]), {"whom": Key(TEXT)})
    }
    steps = '{ at = 1, do = "greet", whom = "all" }, { at = 2, do = "mute" }'
    venue = Venue()
    await play(read(f"steps = [{steps}]", own=own), venue)
    assert said == ["all"]
    assert venue.faults.mute


def test_a_misspelt_word_of_a_venue_is_named_too() -> None:
    own = {"greet": Word("Somebody is greeted.", lambda *_: None)}
    with pytest.raises(ScenarioError, match="step 1: do: there is no 'gret'; did you mean 'greet'"):
        read('steps = [{ at = 1, do = "gret" }]', own=own)
    with pytest.raises(ScenarioError, match="there is no 'greet'"):
        read('steps = [{ at = 1, do = "greet" }]')
