"""``gateway simulate`` runs any installed venue, with the venue's own options."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.cli import run


@contextmanager
def gateway(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "gateway", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_its_addresses_serves_and_stops_on_a_signal_without_a_word(stop: signal.Signals) -> None:
    with gateway("simulate", "mock", "--symbols", "1") as process:
        assert process.stdout is not None
        addresses = dict(process.stdout.readline().split() for _ in range(3))
        assert set(addresses) == {"stream", "private", "rest"}
        with urllib.request.urlopen(f"{addresses['rest']}/symbols", timeout=30) as reply:
            assert len(re.findall(b"USDT", reply.read())) >= 4
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_wrong_option_is_the_venues_own_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "mock", "--rate", "0"]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "--rate" in err


def test_an_unknown_venue_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "nope"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("gateway: NAME: there is no venue 'nope'; there are: ")
    assert "mock" in err


def test_help_is_the_commands_before_the_name_and_the_venues_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--help"]) == 0
    assert "Usage: gateway simulate" in capsys.readouterr().out
    assert run(["simulate", "mock", "--help"]) == 0
    assert "--symbols" in capsys.readouterr().out


def test_a_reader_that_leaves_early_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "gateway", "simulate", "mock"]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=100)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
