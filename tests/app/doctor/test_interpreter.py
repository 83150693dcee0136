"""Python, what is installed beside us, and the event loop."""

import sys
from importlib import metadata

from gateway.app.doctor import interpreter

NEEDED = (
    "aiohttp>=3.14.5",
    "orjson>=3.10",
    "rich>=14",
    "keyring>=25; extra == 'keyring'",
    "uvloop>=0.21; sys_platform != 'win32'",
    "for-older>=1; python_version < '3.11'",
    "for-this>=1.0; python_version < '4.0'",
)


def version_of(name):
    known = {"aiohttp": "3.14.10", "rich": "13.9.4"}
    if name not in known:
        raise metadata.PackageNotFoundError(name)
    return known[name]


def test_this_python_is_new_enough_and_an_older_one_is_not(case, said):
    well, _, wrong = said(interpreter.python(case()))
    assert well == [f"Python {'.'.join(map(str, sys.version_info[:3]))} (CPython) at {sys.executable}"]
    assert not wrong
    _, _, wrong = said(interpreter.python(case(), (3, 10, 9)))
    assert wrong == [f"Python 3.10.9 (CPython) at {sys.executable} is too old"]


def test_what_is_missing_or_too_old_is_named_and_what_need_not_be_there_is_not(case, said):
    well, _, wrong = said(interpreter.distributions(case(), NEEDED, version_of))
    assert wrong == ["orjson is not installed", "rich 13.9.4 is older than 14", "for-this is not installed"]
    assert well == ["1 distributions are there and new enough"]


def test_here_all_that_is_needed_is_there(case, said):
    [well], _, wrong = said(interpreter.distributions(case()))
    assert not wrong
    assert int(well.split()[0]) > 5


def test_a_stock_event_loop_is_advised_against_only_where_there_is_another(case, said, monkeypatch):
    monkeypatch.setattr(interpreter, "loop_factory", lambda: None)
    assert said(interpreter.event_loop(case(), "linux"))[1] == [
        "uvloop is not there: a wake-up costs two fifths more CPU"
    ]
    assert said(interpreter.event_loop(case(), "win32"))[0]
    monkeypatch.setattr(interpreter, "loop_factory", lambda: object)
    assert said(interpreter.event_loop(case(), "linux"))[0] == ["uvloop is there"]
