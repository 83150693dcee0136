"""The command line as a whole: quick, and one sentence for whatever is mistyped."""

import subprocess
import sys

import pytest

from gateway.cli import run

HEAVY = ("aiohttp", "asyncio", "pydantic", "structlog", "rich", "opentelemetry", "msgspec", "importlib.metadata")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from gateway.cli import run; before = run(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stderr.strip() == "[]"
    for command in ("serve", "check-config", "plugins", "subscribe", "simulate"):
        assert command in done.stdout


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "check-config" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["serv"], "serv"),
        (["serve", "--port", "1"], "--port"),
        (["serve", "--config"], "--config"),
        (["plugins", "list", "--xml"], "--xml"),
        (["plugins"], "command"),
        (["subscribe"], "TOPIC"),
        (["subscribe", "mock"], "TOPIC"),
        (["simulate"], "NAME"),
    ],
)
def test_what_is_mistyped_is_one_sentence_that_names_it(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert word in err
    assert err.startswith("gateway: ")
    assert err.count("\n") == 1
