"""The command line of a venue that runs by itself."""

import asyncio
import socket

import pytest

from gateway.testing.simulation import Simulator
from gateway.testing.venue import Venue


def _simulator() -> Simulator:
    def build(parsed) -> Venue:
        return Venue(host=parsed.host, port=parsed.port, seed=parsed.seed, rate=parsed.rate)

    return Simulator("acme", "An example.", build, lambda parser: parser.add_argument("--fruit", default="pear"))


async def test_it_runs_on_a_free_port_by_default_and_ends_with_the_context():
    async with asyncio.timeout(10):
        async with _simulator().simulate([]) as venue:
            assert venue.addresses == {"stream": f"ws://127.0.0.1:{venue.port}"}
            assert venue.port > 0
            waiting = asyncio.create_task(venue.wait())
        await waiting
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", venue.port)


async def test_it_ticks_at_the_rate_it_is_given():
    simulator, ticked = _simulator(), asyncio.Event()
    async with asyncio.timeout(10), simulator.simulate(["--rate", "200"]) as venue:
        venue.tick = ticked.set
        await ticked.wait()


async def test_ipv6_loopback_appears_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        async with asyncio.timeout(10), _simulator().simulate(["--listen", "[::1]:0"]) as venue:
            assert venue.url == f"ws://[::1]:{venue.port}"
    except SystemExit:
        pytest.skip("this machine has no IPv6 loopback")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--listen", "9440"], "argument --listen: need HOST:PORT, got '9440'"),
        (["--listen", "127.0.0.1:70000"], "argument --listen: need HOST:PORT, got '127.0.0.1:70000'"),
        (
            ["--listen", "0.0.0.0:1"],
            "argument --listen: need a loopback address such as 127.0.0.1, got '0.0.0.0'",
        ),
        (
            ["--listen", "example.org:1"],
            "argument --listen: need a loopback address such as 127.0.0.1, got 'example.org'",
        ),
        (["--rate", "0"], "argument --rate: need a number above 0 and up to 100000, got '0'"),
        (["--rate", "nan"], "argument --rate: need a number above 0 and up to 100000, got 'nan'"),
        (["--rate", "fast"], "argument --rate: need a number above 0 and up to 100000, got 'fast'"),
        (["--seed", "x"], "argument --seed: need a whole number, got 'x'"),
        (["--speed", "1"], "unrecognized arguments: --speed 1"),
    ],
)
async def test_a_wrong_argument_ends_with_one_sentence_and_status_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        await _simulator().simulate(arguments).__aenter__()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"simulate acme: {sentence}\n"


async def test_a_taken_port_ends_with_one_sentence_and_status_2(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            await _simulator().simulate(["--listen", f"127.0.0.1:{port}"]).__aenter__()
    assert ended.value.code == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"simulate acme: cannot listen on 127.0.0.1:{port}: ")


async def test_a_scenario_is_played_and_told(tmp_path, capsys):
    file = tmp_path / "short.toml"
    file.write_text('[[steps]]\nat = 0.05\ndo = "mute"\nfor = 0.05\n')
    async with asyncio.timeout(10), _simulator().simulate(["--scenario", str(file)]) as venue:
        told = ""
        while "over" not in told:
            await asyncio.sleep(0.01)
            told += capsys.readouterr().err
            assert venue.faults.mute or told != "0.05 s: mute\n"
    assert told == "0.05 s: mute\n0.1 s: mute is over\n"


async def test_a_scenario_that_never_ends_ends_with_the_venue(tmp_path):
    file = tmp_path / "endless.toml"
    file.write_text('[[steps]]\nat = 0\ndo = "drop"\nevery = 0.01\n')
    before = asyncio.all_tasks()
    async with asyncio.timeout(10), _simulator().simulate(["--scenario", str(file)]):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot read {file}: No such file or directory"),
        ("[[steps]]\nat = 1\n", "{file}: step 1: do: it must be there"),
    ],
)
async def test_a_wrong_scenario_ends_with_one_sentence_and_status_2(tmp_path, capsys, text, sentence):
    file = tmp_path / "wrong.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        await _simulator().simulate(["--scenario", str(file)]).__aenter__()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"simulate acme: argument --scenario: {sentence.format(file=file)}\n"
