"""What is shown of a configuration, and what is said to have no effect yet."""

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Settings, effective, load, pending

SET = """
[exchanges.acme]
heartbeat_interval = "10s"
[exchanges.mock]
[accounts.main]
exchange = "acme"
api_key = "env:ACME_KEY"
secret = "file:/run/secrets/acme"
[plugins.options.acme]
depth = 20
ratio = 0.5
fast = true
token = "canary-4711"
other = "env:ACME_TOKEN"
hosts = ["canary-4712", 1]
since = 1979-05-27
odd = nan
big = 0xffffffffffffffffffff
"""


def test_where_a_heartbeat_comes_from_is_shown_for_each_exchange(read: Callable[..., Settings]) -> None:
    shown = effective(read(SET))["exchanges"]
    assert shown["acme"]["heartbeat_interval"] == {"value": 10.0, "from": "configuration"}
    assert shown["mock"]["heartbeat_interval"] == {"value": 15.0, "from": "default"}


def test_secrets_are_shown_as_their_references(read: Callable[..., Settings]) -> None:
    assert effective(read(SET))["accounts"] == {
        "main": {
            "exchange": "acme",
            "api_key": "env:ACME_KEY",
            "secret": "file:/run/secrets/acme",
            "key_type": None,
        }
    }


def test_of_options_only_what_can_be_no_secret_is_shown(read: Callable[..., Settings]) -> None:
    assert effective(read(SET))["plugins"]["options"] == {
        "acme": {
            "depth": 20,
            "ratio": 0.5,
            "fast": True,
            "token": "***",
            "other": "env:ACME_TOKEN",
            "hosts": ["***", 1],
            "since": "***",
            "odd": "***",
            "big": "***",
        }
    }


def test_every_key_is_there_with_its_default(read: Callable[..., Settings]) -> None:
    shown = effective(read())
    assert set(shown) == set(Settings.model_fields)
    assert shown["server"]["limits"] == {"topics": 5000, "sockets": 5000, "commands_per_second": 20, "burst": 50}
    assert shown["store"] == {"path": ":memory:", "retention": None}


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates(), st.just(math.inf))
OPTIONS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.dictionaries(st.text(), OPTIONS, max_size=3))
def test_whatever_the_options_are_they_are_shown_as_json(options: dict[str, object]) -> None:
    settings = load(None, {}, {"plugins.options.acme": options})
    shown = effective(settings)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


PENDING = """
[server]
behind_tls_proxy = false
tls = { cert = "c", key = "k" }
[exchanges.acme]
region = "eu"
ca_file = "ca.pem"
allow_private = true
rollover = { window = "02:00-04:00" }
[store]
path = "gateway.db"
retention = "30d"
"""


def test_each_key_that_was_set_too_early_has_its_sentence(read: Callable[..., Settings]) -> None:
    assert pending(read(PENDING)) == [
        f"{key} is known and has no effect yet" for key in ("exchanges.acme.region",)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        SET,
        "[store]\n[server.limits]\ntopics = 1",
        # names that the operator chose are no keys
        "[exchanges.region]\n[exchanges.acme.endpoints]\nregion = 'wss://acme.example'",
        "[plugins.options.acme]\nregion = 'eu'\nca_file = 'x'",
    ],
)
def test_what_has_its_effect_or_was_not_set_has_no_sentence(read: Callable[..., Settings], text: str) -> None:
    assert pending(read(text)) == []
