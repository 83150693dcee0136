"""What only a plugin can know to be wrong in a configuration: one sentence that names the key."""

import asyncio
from contextlib import suppress

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from gateway import Gateway, spi
from gateway.app import check
from gateway.config import load
from gateway.errors import ConfigError, PluginError
from gateway.testing.memory import MemoryNetwork
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    depth: int = 10
    token: str = ""

    @field_validator("token")
    @classmethod
    def _known(cls, token: str) -> str:
        if token == "break":
            raise KeyError(token)
        return token


class WithOptions(MockExchange):
    """The mock exchange with options, whose targets are kept."""

    def __init__(self) -> None:
        self.targets: list[spi.Target] = []

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return spi.ExchangeInfo(
            spi_version=0,
            environments=("live", "testnet"),
            endpoints=tuple(
                spi.Endpoint(one.name, {**one.urls, "testnet": f"{one.urls['live']}/test"}, private=one.private)
                for one in INFO.endpoints
            ),
            channels=INFO.channels,
            limits=INFO.limits,
            options=Options,
        )

    @spi.hookimpl
    def gateway_heartbeat_interval(self, target: spi.Target) -> float:
        self.targets.append(target)
        return 5.0


def refusal(tables, plugin: object | None = None) -> str:
    """Return what the start is refused with."""

    async def start() -> None:
        plugins = {"mock": plugin or MockExchange()}
        async with Gateway(tables, plugins=plugins, network=MemoryNetwork(), environ={"KEY": "k"}):
            pass

    with pytest.raises(ConfigError) as caught:
        asyncio.run(start())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("exchange", "sentence"),
    [
        (
            {"environment": "paper"},
            "exchanges.mock.environment: the plugin has no environment 'paper'; known are live",
        ),
        (
            {"environment": "liv"},
            "exchanges.mock.environment: the plugin has no environment 'liv'; did you mean 'live'?",
        ),
        (
            {"endpoints": {"strem": "wss://example.com"}},
            "exchanges.mock.endpoints.strem: the plugin has no such endpoint; did you mean 'stream'?",
        ),
        (
            {"endpoints": {"stream": "https://example.com"}},
            "exchanges.mock.endpoints.stream: need a URL that starts with ws:// or wss://",
        ),
        (
            {"endpoints": {"rest": "wss://example.com"}},
            "exchanges.mock.endpoints.rest: need a URL that starts with http:// or https://",
        ),
    ],
)
def test_what_the_plugin_does_not_have_is_named_with_its_key(exchange, sentence) -> None:
    assert refusal({"exchanges": {"mock": exchange}}) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"depth": "deep"}, "plugins.options.mock.depth: Input should be a valid integer"),
        ({"dept": 5}, "plugins.options.mock.dept: Extra inputs are not permitted"),
    ],
)
def test_options_are_checked_by_the_plugins_own_model(options, sentence) -> None:
    told = refusal({"plugins": {"options": {"mock": options}}}, WithOptions())
    assert told.startswith(sentence)


def test_options_that_are_wrong_are_not_shown() -> None:
    told = refusal({"plugins": {"options": {"mock": {"depth": "S3CR3T"}}}}, WithOptions())
    assert "S3CR3T" not in told


def test_options_for_a_plugin_that_takes_none() -> None:
    assert (
        refusal({"plugins": {"options": {"mock": {"depth": 5}}}})
        == "plugins.options.mock: the plugin takes no options"
    )


def test_a_secret_that_cannot_be_had_is_named_with_its_key() -> None:
    account = {"exchange": "mock", "api_key": "env:KEY", "secret": "env:MISSING"}
    assert refusal({"exchanges": {"mock": {}}, "accounts": {"main": account}}) == (
        "accounts.main.secret: env:MISSING: this environment variable is not set"
    )


def test_a_model_that_breaks_is_the_plugins_fault() -> None:
    told = refusal({"plugins": {"options": {"mock": {"token": "break"}}}}, WithOptions())
    assert told == (
        "exchanges.mock: no plugin can be used; the first says: plugin mock: its options' model raised KeyError"
    )


@virtually
async def test_a_target_has_the_operators_urls_and_options(running) -> None:
    plugin = WithOptions()
    mock = {
        "environment": "testnet",
        "endpoints": {"stream": "ws://memory/", "rest": "http://memory", "allow_plaintext": True},
    }
    tables = {"exchanges": {"mock": mock}, "plugins": {"options": {"mock": {"depth": 7}}}}
    async with running(plugins={"mock": plugin}, tables=tables) as one:
        assert await one.gateway.connect_account("mock")
        [target] = plugin.targets
        assert dict(target.urls) == {
            "stream": "ws://memory",
            "private": "ws://127.0.0.1:9440/private/test",
            "rest": "http://memory",
        }
        assert (target.exchange, target.environment, target.endpoint) == ("mock", "testnet", "stream")
        assert (target.account, target.signer, target.options) == (None, None, Options(depth=7))
        first = target.nonce()
        assert target.nonce() == first + 1
        assert target.now() == one.venue._now()


@virtually
async def test_an_accounts_target_signs_and_shows_nothing(running) -> None:
    plugin = WithOptions()
    async with running(plugins={"mock": plugin}) as one:
        assert await one.gateway.connect_account("main")
        [target] = plugin.targets
        assert (target.account, target.signer.api_key) == ("main", "mock-key")
        assert "mock-key" not in repr(target)
        assert "mock-secret" not in repr(target)


def test_limits_that_contradict_another_plugins_are_the_plugins_fault() -> None:
    class Other(MockExchange):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            return spi.ExchangeInfo(
                spi_version=0,
                environments=("live",),
                endpoints=INFO.endpoints,
                channels=INFO.channels,
                limits=(spi.Limit("mock-dials", 5, per=1.0),),
            )

    async def main() -> list[str]:
        async with Gateway(plugins={"mock": MockExchange(), "other": Other()}, network=MemoryNetwork()) as gateway:
            return list(gateway.problems())

    [problem] = [one for one in asyncio.run(main()) if "does not run" in one]
    assert problem == (
        "other does not run: plugin other: limit mock-dials is declared twice with different figures"
    )


# --- the same without starting anything


def test_a_configuration_is_checked_without_starting_anything() -> None:
    check(load(None, {}, {"exchanges": {"mock": {}, "binance": {}}}))


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        (
            {"exchanges": {"mock": {"environment": "x"}}},
            "exchanges.mock.environment: the plugin has no environment 'x'",
        ),
        ({"exchanges": {"mock": {}}, "plugins": {"options": {"mock": {"a": 1}}}}, "the plugin takes no options"),
        ({"exchanges": {"nothing": {}}}, "exchanges.nothing: its plugin cannot be used: is not installed"),
        (
            {"exchanges": {"mock": {}}, "plugins": {"allow": ["binance"]}},
            "exchanges.mock: its plugin cannot be used: is not in the list",
        ),
    ],
)
def test_a_check_names_the_key(tables, sentence) -> None:
    with pytest.raises(ConfigError) as caught:
        check(load(None, {}, tables))
    assert sentence in str(caught.value)


def test_a_check_looks_for_no_secret() -> None:
    account = {"exchange": "mock", "api_key": "env:MISSING", "secret": "env:MISSING"}
    with suppress(PluginError):
        check(load(None, {}, {"exchanges": {"mock": {}}, "accounts": {"main": account}}))


@virtually
async def test_a_connection_carries_as_many_streams_as_the_operator_wants() -> None:
    streams = [f"trades.{number}" for number in range(5)]
    tables = {"exchanges": {"mock": {"streams_per_connection": 2}}}
    async with Gateway(tables, plugins={"mock": MockExchange()}, network=MemoryNetwork()) as gateway:
        for stream in streams:
            await gateway.listen(f"mock:raw:{stream}", lambda _: None)
        await asyncio.sleep(0)
        carried = {id_: one["streams"] for id_, one in gateway.get_connection_details().items()}
        assert carried == {"mock/stream/0": 2, "mock/stream/1": 2, "mock/stream/2": 1}
        private = {one.name: one.max_streams for one in gateway._assembly.exchanges["mock"].ground.info.endpoints}
        assert private["private"] == {one.name: one.max_streams for one in INFO.endpoints}["private"]


@pytest.mark.parametrize("streams", [0, -1, "many", 2.5])
def test_no_stream_at_all_is_no_number_of_streams(streams) -> None:
    with pytest.raises(ConfigError, match="streams_per_connection"):
        load(None, {}, {"exchanges": {"mock": {"streams_per_connection": streams}}})
