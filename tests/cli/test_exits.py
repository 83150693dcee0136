"""Whatever happens, the user reads one sentence and a script sees the right status."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from gateway.cli.exits import guarded
from gateway.errors import ConfigError, LoginRefused, PluginError, SubscriptionError, UnsafeError


def raising(exc: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise exc

    return command


@pytest.mark.parametrize(
    ("exc", "status", "sentence"),
    [
        (ConfigError("server.listen", "need HOST:PORT"), 2, "server.listen: need HOST:PORT"),
        (SubscriptionError("unknown_symbol", "mock has no symbol X"), 2, "mock has no symbol X"),
        (UnsafeError("refused"), 78, "refused"),
        (PluginError("mock", "broke it"), 1, "plugin mock: broke it"),
        (LoginRefused("wrong key"), 1, "wrong key"),
        (OSError(98, "Address already in use"), 1, "[Errno 98] Address already in use"),
        (ExceptionGroup("several", [ConfigError("a.b", "no")]), 2, "a.b: no"),
        (
            KeyError("x"),
            1,
            "unexpected KeyError: 'x' (a defect of the gateway or of a plugin)",
        ),
    ],
)
def test_every_exception_is_one_sentence_and_a_status(
    exc: Exception, status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(exc)) == status
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"gateway: {sentence}\n")


def test_a_defects_traceback_is_there_for_who_debugs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "gateway"):
        guarded(raising(KeyError("x")))
    assert caplog.records[0].exc_info


@pytest.mark.parametrize(
    ("exc", "status"), [(KeyboardInterrupt(), 130), (SystemExit(2), 2), (SystemExit("text"), 1)]
)
def test_interrupts_and_exits_keep_their_status(exc: BaseException, status: int) -> None:
    assert guarded(raising(exc)) == status


@pytest.mark.parametrize(("result", "status"), [(None, 0), (0, 0), (3, 3)])
def test_a_commands_own_status_is_kept(result: object, status: int) -> None:
    assert guarded(lambda: result) == status


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = (
        "import sys; from gateway.cli.exits import guarded\n"
        "def command():\n"
        "    while True: print('line' * 1000)\n"
        "sys.exit(guarded(command))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=100
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
