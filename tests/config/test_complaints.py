"""What an operator reads when a key is wrong: the whole sentence is the interface."""

from collections.abc import Callable
from typing import Annotated

import pytest
from pydantic import BaseModel, StringConstraints, ValidationError

from gateway.config import complaints

COUNT = "need a whole number from 1 to 1000000000"
ID = "need an id of lower-case letters, digits and '-' that starts with a letter"
TIME = "need seconds above 0, or a text such as '500ms', '15s', '3m', '1h' or '30d'"
TABLES = "server, exchanges, accounts, subscriptions, plugins, store, retention, log, telemetry"
REFERENCE = "must be a reference: env:NAME, file:PATH, systemd:NAME or keyring:SERVICE/NAME"

UNKNOWN = [
    ("servr = 1", "servr: unknown key; did you mean 'server'?"),
    # far in letters, but it is the same key in the wrong table
    ("tls = 1", "tls: unknown key; did you mean 'server.tls'?"),
    (
        "[exchanges.acme]\nhartbeat_interval = 1",
        "exchanges.acme.hartbeat_interval: unknown key; did you mean 'heartbeat_interval'?",
    ),
    ("[exchanges.region]\nregin = 1", "exchanges.region.regin: unknown key; did you mean 'region'?"),
    (
        "[exchanges.acme]\nallow_plaintext = true",
        "exchanges.acme.allow_plaintext: unknown key; did you mean 'endpoints.allow_plaintext'?",
    ),
    ("[exchanges.acme.rollover]\nwindw = 1", "exchanges.acme.rollover.windw: unknown key; did you mean 'window'?"),
    ("[server]\ntopics = 1", "server.topics: unknown key; did you mean 'limits.topics'?"),
    ("[server.tls]\ncrt = 1", "server.tls.crt: unknown key; did you mean 'cert'?"),
    ("[[subscriptions]]\nsymbol = 1", "subscriptions[0].symbol: unknown key; did you mean 'symbols'?"),
    ("zzz = 1", f"zzz: unknown key; known are {TABLES}"),
    ("[plugins.acme]", "plugins.acme: unknown key; known are allow, options"),
    # the unknown key is why another one is missing, so it is the one to tell
    ("[accounts.main]\nexchnage = 'acme'", "accounts.main.exchnage: unknown key; did you mean 'exchange'?"),
]

WRONG = [
    ("server = 1", "server: need a table, got a number"),
    ("server = 1.5", "server: need a table, got a number"),
    ("server = 'x'", "server: need a table, got text"),
    ("server = []", "server: need a table, got a list"),
    ("server = true", "server: need a table, got true or false"),
    ("server = 07:00:00", "server: need a table, got something else"),
    ("exchanges = 1", "exchanges: need a table, got a number"),
    ("[exchanges]\nacme = 1", "exchanges.acme: need a table, got a number"),
    ("[exchanges.Acme]", f"exchanges.Acme: {ID}, got 'Acme'"),
    ("[exchanges.ac_me]", f"exchanges.ac_me: {ID}, got 'ac_me'"),
    ("[exchanges.1acme]", f"exchanges.1acme: {ID}, got '1acme'"),
    ("[exchanges.acme]\nregion = 1", "exchanges.acme.region: need text, got 1"),
    ("[exchanges.acme]\nregion = true", "exchanges.acme.region: need text, got true"),
    ("[exchanges.acme]\nregion = 1979-05-27", "exchanges.acme.region: need text, got something else"),
    ("[exchanges.acme]\nallow_private = 1", "exchanges.acme.allow_private: need true or false, got 1"),
    ("[exchanges.acme]\nheartbeat_interval = 'ten'", f"exchanges.acme.heartbeat_interval: {TIME}, got 'ten'"),
    ("[exchanges.acme]\nheartbeat_interval = 0", f"exchanges.acme.heartbeat_interval: {TIME}, got 0"),
    ("[exchanges.acme]\nheartbeat_interval = nan", f"exchanges.acme.heartbeat_interval: {TIME}, got nan"),
    ("[exchanges.acme]\nheartbeat_interval = {}", f"exchanges.acme.heartbeat_interval: {TIME}, got a table"),
    ("[server.limits]\ntopics = 0", f"server.limits.topics: {COUNT}, got 0"),
    ("[server.limits]\ntopics = true", f"server.limits.topics: {COUNT}, got true"),
    ("[server.limits]\ntopics = 10.0", f"server.limits.topics: {COUNT}, got 10.0"),
    ("[server.limits]\ntopics = 0x" + "f" * 5000, f"server.limits.topics: {COUNT}, got a number"),
    ("[server.tls]\ncert = 'c'", "server.tls.key: is missing"),
    ("[server]\nallowed_hosts = 'a'", "server.allowed_hosts: need a list, got text"),
    ("[server]\nallowed_hosts = ['a', 1]", "server.allowed_hosts[1]: need text, got 1"),
    ("subscriptions = 1", "subscriptions: need a list, got a number"),
    ("[log]\nlevel = 'loud'", "log.level: need 'debug', 'info', 'warning' or 'error', got 'loud'"),
    (
        "[log]\nformat = '" + "x" * 99 + "'",
        "log.format: need 'auto', 'console' or 'json', got '" + "x" * 60 + "...'",
    ),
    # where secrets may stand by mistake, no value is shown
    ("accounts = 'canary'", "accounts: need a table"),
    ("[accounts]\nmain = 'canary'", "accounts.main: need a table"),
    (
        "[accounts.main]\nexchange = 'a'\napi_key = 'canary'\nsecret = 'env:A'",
        f"accounts.main.api_key: {REFERENCE}",
    ),
    ("[accounts.main]\nexchange = 'a'\napi_key = 'env:A'\nsecret = 4711", "accounts.main.secret: need text"),
    ("[accounts.main]\nexchange = 'a'\napi_key = 'env:A'", "accounts.main.secret: is missing"),
    ("[plugins]\noptions = 'canary'", "plugins.options: need a table"),
    ("[plugins.options]\nacme = 'canary'", "plugins.options.acme: need a table"),
    ("[exchanges.acme.endpoints]\nrest = 4711", "exchanges.acme.endpoints.rest: need text"),
]


@pytest.mark.parametrize(("text", "sentence"), UNKNOWN)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    refused: Callable[..., str], text: str, sentence: str
) -> None:
    assert refused(text) == sentence


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[sentence[:60] for _, sentence in WRONG])
def test_a_wrong_value_is_one_plain_sentence(refused: Callable[..., str], text: str, sentence: str) -> None:
    assert refused(text) == sentence


def test_of_several_errors_it_is_always_the_same_one(refused: Callable[..., str]) -> None:
    text = "[telemetry]\ntraces = 1\n[log]\nlevel = 1\n[server]\nlisten = 1"
    assert {refused(text) for _ in range(5)} == {"server.listen: need text, got 1"}


def test_a_kind_of_error_that_nobody_foresaw_is_still_a_sentence() -> None:
    class Later(BaseModel):
        code: Annotated[str, StringConstraints(max_length=1)]

    with pytest.raises(ValidationError) as caught:
        Later(code="ab")
    assert str(complaints.explain(caught.value)) == "code: String should have at most 1 character, got 'ab'"


def test_where_nothing_is_known_nothing_is_suggested() -> None:
    assert complaints.suggest("acme", []) == "; none is known"
