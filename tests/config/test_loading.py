"""Where settings come from: who wins, how the environment is spelled, and what a bad file is told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Settings, load
from gateway.config.loading import overlay
from gateway.errors import ConfigError

FILE = """
[server]
listen = "127.0.0.1:1"
[server.limits]
topics = 1
[exchanges.acme-usdm]
environment = "file"
[exchanges.acme-usdm.endpoints]
user-data = "wss://file.example"
"""


def test_the_command_line_wins_over_the_environment_over_the_file_over_defaults() -> None:
    path = None
    one = load(path, {}, {})
    two = load(path, {"GATEWAY_SERVER__LISTEN": "127.0.0.1:2"}, {})
    three = load(path, {"GATEWAY_SERVER__LISTEN": "127.0.0.1:2"}, {"server.listen": "127.0.0.1:3"})
    assert [one.server.listen, two.server.listen, three.server.listen] == [
        "127.0.0.1:8765",
        "127.0.0.1:2",
        "127.0.0.1:3",
    ]


def test_each_layer_leaves_the_other_keys_of_a_table_alone(read: Callable[..., Settings]) -> None:
    settings = read(FILE, {"GATEWAY_SERVER__LIMITS__SOCKETS": "2"}, server={"limits": {"burst": 3}})
    limits = settings.server.limits
    assert (limits.topics, limits.sockets, limits.burst) == (1, 2, 3)
    assert settings.server.listen == "127.0.0.1:1"


def test_an_override_is_a_dotted_key_or_a_table_and_the_later_wins(read: Callable[..., Settings]) -> None:
    assert read(FILE, server__limits__topics=7).server.limits.topics == 7
    assert read(FILE, server={"limits": {"topics": 7}}, server__limits__topics=8).server.limits.topics == 8
    assert read(FILE, server__limits__topics=8, server={"limits": {"topics": 7}}).server.limits.topics == 7


def test_an_underscore_stands_for_a_dash_in_ids(read: Callable[..., Settings]) -> None:
    settings = read(
        FILE,
        {
            "GATEWAY_EXCHANGES__ACME_USDM__HEARTBEAT_INTERVAL": "5",
            "GATEWAY_EXCHANGES__ACME_COINM__REGION": "eu",
            "GATEWAY_ACCOUNTS__MAIN_DESK__EXCHANGE": "acme-usdm",
            "GATEWAY_ACCOUNTS__MAIN_DESK__API_KEY": "env:A",
            "GATEWAY_ACCOUNTS__MAIN_DESK__SECRET": "env:B",
            "GATEWAY_PLUGINS__OPTIONS__ACME_USDM__MAX_AGE": "9",
        },
    )
    assert list(settings.exchanges) == ["acme-usdm", "acme-coinm"]
    assert settings.exchanges["acme-usdm"].heartbeat_interval == 5.0
    assert settings.exchanges["acme-usdm"].environment == "file"
    assert list(settings.accounts) == ["main-desk"]
    assert settings.plugins.options == {"acme-usdm": {"max_age": 9}}


def test_where_the_file_has_a_key_its_spelling_counts(read: Callable[..., Settings]) -> None:
    name = "GATEWAY_EXCHANGES__ACME_USDM__ENDPOINTS__USER_DATA"
    assert read(FILE, {name: "wss://env.example"}).exchanges["acme-usdm"].endpoints.urls == {
        "user-data": "wss://env.example"
    }
    assert read("", {name: "wss://env.example"}).exchanges["acme-usdm"].endpoints.urls == {
        "user_data": "wss://env.example"
    }
    both = FILE + 'user_data = "wss://exact.example"'
    assert read(both, {name: "wss://env.example"}).exchanges["acme-usdm"].endpoints.urls == {
        "user-data": "wss://file.example",
        "user_data": "wss://env.example",
    }


def test_standing_subscriptions_are_replaced_as_a_whole(read: Callable[..., Settings]) -> None:
    wish = '{ exchange = "acme-usdm", channel = "trades", symbols = ["A"] }'
    settings = read(FILE, {"GATEWAY_SUBSCRIPTIONS": f"[{wish}, {wish}]"})
    assert [one.symbols for one in settings.subscriptions] == [("A",), ("A",)]


def test_variables_that_are_not_ours_are_left_alone() -> None:
    others = {"GATEWAY_PORT": "tcp://10.0.0.1", "GATEWAY_LOG": "x", "SERVER__LISTEN": "x", "XGATEWAY_A__B": "x"}
    assert load(None, others, {}) == Settings()


def test_a_variable_of_ours_is_checked_like_the_file(refused: Callable[..., str]) -> None:
    assert refused("", {"GATEWAY_SERVR__LISTEN": "x"}) == "servr: unknown key; did you mean 'server'?"
    assert refused("", {"GATEWAY_SERVER__LISTEN__PORT": "1"}) == "server.listen: need text, got a table"
    assert refused(FILE, {"GATEWAY_SERVER": "x", "GATEWAY_SERVER__LISTEN__PORT": "1"}) == (
        "server.listen: need text, got a table"
    )
    assert "canary" not in refused("[exchanges.acme]", {"GATEWAY_ACCOUNTS__MAIN__SECRET": "canary"})


@pytest.mark.parametrize("name", ["GATEWAY___LISTEN", "GATEWAY_SERVER__", "GATEWAY_A____B"])
def test_a_variable_without_a_key_between_underscores_is_refused(refused: Callable[..., str], name: str) -> None:
    assert refused("", {name: "x"}) == f"{name}: need GATEWAY_SECTION__KEY, e.g. GATEWAY_SERVER__LISTEN"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15", 15),
        ("1.5", 1.5),
        ("true", True),
        ('"15"', "15"),
        ('["a", "b"]', ["a", "b"]),
        ("{ a = 1 }", {"a": 1}),
        ("15s", "15s"),
        ("", ""),
        ("wss://acme.example", "wss://acme.example"),
        ("1\nother = 2", "1\nother = 2"),
        ("[" * 5000, "[" * 5000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_variable_is_read_as_toml_and_is_text_where_it_is_none(text: str, value: object) -> None:
    assert overlay({}, {"GATEWAY_STORE__PATH": text}) == {"store": {"path": value}}


KEYS = st.text(st.sampled_from("abcxyz"), min_size=1, max_size=4)
VALUES = st.one_of(st.booleans(), st.integers(-(2**63), 2**63), st.text(st.characters(codec="ascii"), max_size=9))


@given(st.lists(KEYS, min_size=2, max_size=4), st.text(max_size=20))
def test_any_text_reaches_its_key_and_nothing_else(parts: list[str], text: str) -> None:
    untouched = {"server": {"listen": "x"}}
    found = overlay(untouched, {"GATEWAY_" + "__".join(parts).upper(): text})
    assert found.pop("server") == {"listen": "x"}
    for part in parts:
        assert list(found) == [part]
        found = found[part]
    assert untouched == {"server": {"listen": "x"}}


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_the_environment_says_is_what_a_file_would_say(values: dict[str, object]) -> None:
    import json

    environ = {
        f"GATEWAY_PLUGINS__OPTIONS__ACME__{key.upper()}": json.dumps(value).replace("\x7f", "\\u007f")
        for key, value in values.items()
    }
    assert load(None, environ, {}).plugins.options.get("acme", {}) == values


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent.toml", {}, {})
    assert str(caught.value) == f"{tmp_path / 'absent.toml'}: cannot be read: No such file or directory"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {}, {})
    assert caught.value.problem == "cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[log]\nlevel = loud\n", "Invalid value (at line 2, column 9)"),
        (b"[log]\nlevel = ", "Invalid value (at line 2, the last)"),
        (b"[log]\n# caf\xe9\n", "not UTF-8 (at line 2)"),
        (b"a = " + b"[" * 5000, "maximum recursion depth exceeded"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, {})
    assert caught.value.key == str(path)
    assert caught.value.problem.startswith(f"is not TOML: {problem}")
    assert caught.value.__context__ is None


def test_a_file_from_another_editor_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'\xef\xbb\xbf[log]\r\nlevel = "debug"\r\n')
    assert load(path, {}, {}).log.level == "debug"
