"""What keys must be together."""

from collections.abc import Callable

import pytest

from gateway.config import Settings

URL = "need a URL that starts with wss://, https://, ws:// or http:// and names a host"
BARE = "need a URL without user, password, query or fragment"
ACCOUNT = "[accounts.main]\nexchange = 'acme'\napi_key = 'env:A'\nsecret = 'env:B'\n"
WISH = "[[subscriptions]]\nexchange = 'acme'\n"


@pytest.mark.parametrize(
    ("timeouts", "sentence"),
    [
        ("heartbeat_interval = 20\nping_timeout = 29", "which is 20 s, so 30 s; got 29 s"),
        ("heartbeat_interval = '2m'", "which is 120 s, so 180 s; got 60 s"),
    ],
)
def test_a_ping_timeout_that_no_dead_peer_is_noticed_in_is_refused(
    refused: Callable[..., str], timeouts: str, sentence: str
) -> None:
    assert refused(f"[exchanges.acme]\n{timeouts}") == (
        f"exchanges.acme.ping_timeout: need at least 1.5 times exchanges.acme.heartbeat_interval, {sentence}"
    )


def test_without_an_interval_the_plugin_is_to_be_asked(read: Callable[..., Settings]) -> None:
    assert read("[exchanges.acme]\nping_timeout = 1").exchanges["acme"].ping_timeout == 1


def test_a_ping_timeout_of_just_one_and_a_half_intervals_will_do(read: Callable[..., Settings]) -> None:
    assert (
        read("[exchanges.acme]\nheartbeat_interval = 20\nping_timeout = 30").exchanges["acme"].ping_timeout == 30
    )


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "http://127.0.0.1:1/base", "WS://127.0.0.1"])
def test_plaintext_is_refused_until_it_is_allowed(
    read: Callable[..., Settings], refused: Callable[..., str], url: str
) -> None:
    text = f'[exchanges.acme.endpoints]\nstream = "{url}"\n'
    assert refused(text) == (
        f"exchanges.acme.endpoints.stream: {url.partition(':')[0].lower()}:// is refused unless "
        "exchanges.acme.endpoints.allow_plaintext is true"
    )
    assert read(text + "allow_plaintext = true").exchanges["acme"].endpoints.urls == {"stream": url}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", URL),
        ("acme.example", URL),
        ("ftp://acme.example", URL),
        ("wss://", URL),
        ("wss://:443", URL),
        ("wss://acme.example:0", URL),
        ("wss://acme.example:66000", URL),
        ("wss://[::1", URL),
        ("wss://user:canary@acme.example", BARE),
        ("wss://acme.example/?token=canary", BARE),
        ("wss://acme.example/#canary", BARE),
    ],
)
def test_an_endpoint_is_a_base_url_and_is_not_shown(refused: Callable[..., str], url: str, problem: str) -> None:
    text = f'[exchanges.acme.endpoints]\nallow_plaintext = true\nstream = "{url}"'
    assert refused(text) == f"exchanges.acme.endpoints.stream: {problem}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ACCOUNT, "accounts.main.exchange: names no exchange that is configured; none is known"),
        (
            "[exchanges.acne]\n" + ACCOUNT,
            "accounts.main.exchange: names no exchange that is configured; did you mean 'acne'?",
        ),
        (
            "[exchanges.mock]\n" + ACCOUNT,
            "accounts.main.exchange: names no exchange that is configured; known are mock",
        ),
        (
            WISH + "channel = 'trades'",
            "subscriptions[0].exchange: names no exchange that is configured; none is known",
        ),
        (
            "[exchanges.acme]\n" + WISH + "channel = 'orders'\naccount = 'x'",
            "subscriptions[0].account: names no account that is configured; none is known",
        ),
        (
            "[exchanges.acme]\n[exchanges.mock]\n"
            + ACCOUNT
            + WISH.replace("acme", "mock")
            + "channel = 'orders'\n"
            "account = 'main'",
            "subscriptions[0].account: need an account at mock; main is one at acme",
        ),
        (
            "[exchanges.acme]\n" + WISH + "channel = 'trades'",
            "subscriptions[0]: need symbols, streams or an account",
        ),
        (
            "[server]\nlisten = '8765'",
            "server.listen: need HOST:PORT, an IPv6 address in brackets, a port of at most 65535; got '8765'",
        ),
    ],
)
def test_a_name_leads_to_something_configured(refused: Callable[..., str], text: str, sentence: str) -> None:
    assert refused(text) == sentence
