"""What an exchange is declared to be must hold together before anything is dialled."""

from dataclasses import replace

import pytest
from pydantic import BaseModel

from gateway import spi
from gateway.errors import PluginError

STREAM = spi.Endpoint("stream", {"live": "wss://stream.example"})
LIMIT = spi.Limit("messages", 5, per=1.0)
CHANNEL = spi.Channel("trades")


@pytest.fixture
def declare(host, plain, info):
    """Return what is wrong with a declaration, empty if nothing is."""

    def declare(declared: object = None, **changes) -> str:
        declared = replace(info, **changes) if changes else declared

        class Declaring(plain):
            @spi.hookimpl
            def gateway_exchange_info(self):
                return declared

        try:
            host.register("acme", Declaring())
        except PluginError as exc:
            return exc.problem
        assert host.bind("acme").info is declared
        return ""

    return declare


@pytest.mark.parametrize("version", [1, 7, -1, "0", None, False, 0.0])
def test_another_version_is_told_with_both_numbers(declare, version):
    assert declare(spi_version=version) == (
        f"is written for version {version!r} of the plugin contract; this gateway speaks version 0"
    )


def test_the_version_is_looked_at_first(declare):
    """The rest may mean something else in another version."""
    assert "is written for version 9" in declare(spi_version=9, environments=(), endpoints=5)


@pytest.mark.parametrize("value", [None, {}, "mock"])
def test_a_hook_that_declares_nothing_is_told(declare, value):
    assert declare(value) == (f"gateway_exchange_info must return an ExchangeInfo, not {type(value).__name__}")


def test_what_is_sound_passes(declare):
    class Options(BaseModel):
        token: str

    assert not declare(
        environments=("live", "testnet"),
        endpoints=(
            spi.Endpoint(
                "stream",
                {"live": "wss://[::1]:9443/path", "testnet": "ws://127.0.0.1"},
                max_age=86400,
                max_streams=1024,
                first_subscribe_within=5.0,
            ),
            spi.Endpoint("rest", {"live": "http://a", "testnet": "https://b?c=d", "unused": "https://c"}),
        ),
        channels=(spi.Channel("candles", frozenset({None, "1m"}), rhythm=spi.Rhythm.CONTINUOUS),),
        limits=(LIMIT, replace(LIMIT, name="weight", scope=spi.Scope.ACCOUNT, usage_header="x-used")),
        options=Options,
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"environments": ()}, "declares no environment"),
        ({"environments": ("live", "live")}, "declares the environment 'live' twice"),
        ({"environments": "live"}, "environments must be a tuple of names"),
        ({"environments": ["live"]}, "environments must be a tuple of names"),
        ({"environments": ("live", "")}, "environments must be a tuple of names"),
        ({"endpoints": ()}, "declares no endpoint"),
        ({"endpoints": STREAM}, "endpoints must be a tuple of Endpoint"),
        ({"endpoints": (STREAM, "rest")}, "endpoints must be a tuple of Endpoint"),
        ({"endpoints": (STREAM, STREAM)}, "declares the endpoint 'stream' twice"),
        ({"endpoints": (replace(STREAM, name=None),)}, "endpoints must have names"),
        ({"channels": ()}, "declares no channel"),
        ({"channels": (CHANNEL, CHANNEL)}, "declares the channel 'trades' twice"),
        ({"channels": ("trades",)}, "channels must be a tuple of Channel"),
        ({"limits": (LIMIT, LIMIT)}, "declares the limit 'messages' twice"),
        ({"limits": None}, "limits must be a tuple of Limit"),
        ({"options": {}}, "options must be a pydantic model or None"),
    ],
)
def test_lists_hold_distinct_names(declare, changes, problem):
    assert declare(**changes) == problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"urls": ()}, "urls must be a mapping of environments to URLs"),
        ({"urls": {"testnet": "wss://a"}}, "has no URL for the environment 'live'"),
        ({"max_age": 0}, "max_age must be seconds above 0 or None"),
        ({"max_age": float("nan")}, "max_age must be seconds above 0 or None"),
        ({"max_age": "24h"}, "max_age must be seconds above 0 or None"),
        ({"max_streams": 0}, "max_streams must be a whole number above 0 or None"),
        ({"max_streams": 1.5}, "max_streams must be a whole number above 0 or None"),
        ({"max_streams": True}, "max_streams must be a whole number above 0 or None"),
        ({"first_subscribe_within": -1.0}, "first_subscribe_within must be seconds above 0 or None"),
        ({"first_subscribe_within": True}, "first_subscribe_within must be seconds above 0 or None"),
        ({"max_frame": None}, "max_frame must be a whole number of bytes above 0"),
    ],
)
def test_an_endpoint_can_be_dialled(declare, changes, problem):
    assert declare(endpoints=(replace(STREAM, **changes),)) == f"endpoint stream: {problem}"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "stream.example",
            "//stream.example",
            "ftp://stream.example",
            "WSS://stream.example",
            "wss:stream.example",
        ),
        *("wss://", "wss://:443", "wss://a:port", "wss://a:99999", "wss://a:0", "wss://[::1", "", None, 5),
    ],
)
def test_a_url_has_a_known_scheme_and_a_host(declare, url):
    assert declare(endpoints=(replace(STREAM, urls={"live": url}),)) == (
        f"endpoint stream: need a URL of ws, wss, http or https with a host for 'live', got {url!r}"
    )


def test_every_environment_is_looked_at(declare):
    urls = {"live": "wss://a", "testnet": "a"}
    problem = declare(environments=("live", "testnet"), endpoints=(replace(STREAM, urls=urls),))
    assert problem.endswith("for 'testnet', got 'a'")


def test_an_endpoint_is_of_one_kind(declare):
    urls = {"live": "wss://a", "testnet": "https://b"}
    assert declare(environments=("live", "testnet"), endpoints=(replace(STREAM, urls=urls),)) == (
        "endpoint stream: is a WebSocket in one environment and REST in another"
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"count": 0}, "count must be a whole number above 0"),
        ({"count": 2.5}, "count must be a whole number above 0"),
        ({"per": 0.0}, "per must be seconds above 0"),
        ({"per": float("inf")}, "per must be seconds above 0"),
        ({"scope": spi.Scope.STREAM}, "scope must be CONNECTION, ACCOUNT or IP"),
        ({"scope": []}, "scope must be CONNECTION, ACCOUNT or IP"),
        ({"usage_header": "X-Used"}, "usage_header must be in lower case or None"),
        ({"usage_header": ""}, "usage_header must be in lower case or None"),
    ],
)
def test_a_limit_can_be_kept(declare, changes, problem):
    assert declare(limits=(replace(LIMIT, **changes),)) == f"limit messages: {problem}"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"variants": frozenset()}, "variants must be a frozenset of names and None, not empty"),
        ({"variants": {"1m"}}, "variants must be a frozenset of names and None, not empty"),
        ({"variants": frozenset({1})}, "variants must be a frozenset of names and None, not empty"),
        ({"variants": frozenset({""})}, "variants must be a frozenset of names and None, not empty"),
        ({"rhythm": "sparse"}, "rhythm must be a Rhythm"),
    ],
)
def test_a_channel_can_be_watched(declare, changes, problem):
    assert declare(channels=(replace(CHANNEL, **changes),)) == f"channel trades: {problem}"
