"""What operators call a connection, and the sentence they get for what is none."""

import pytest

from gateway import Gateway, spi
from gateway.app.naming import Naming
from gateway.config import load
from gateway.errors import GatewayError
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange

NO_NUMBER = "names no connection: need <exchange>/<endpoint>/<number of at most 4 digits>"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("main", "mock/private@main"),
        ("mock", "mock/stream/0"),
        ("mock/", "mock/stream/0"),
        ("mock/stream", "mock/stream/0"),
        ("mock/stream/", "mock/stream/0"),
        ("mock/stream/3", "mock/stream/3"),
        ("mock/stream/03", "mock/stream/3"),
        ("mock/private@main", "mock/private@main"),
    ],
)
@virtually
async def test_a_connection_has_several_names(running, name: str, place: str) -> None:
    async with running() as one:
        assert one.gateway.connection(name).id == place


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nobody", "there is no account or exchange 'nobody'; there are: main, mock"),
        ("", "there is no account or exchange ''; there are: main, mock"),
        ("other/stream/0", "there is no account or exchange 'other/stream/0'; there are: main, mock"),
        ("mock/nothing", "mock has no endpoint 'nothing' with connections; there are: stream, private"),
        ("mock/rest", "mock has no endpoint 'rest' with connections; there are: stream, private"),
        ("mock/stream/x", f"'mock/stream/x' {NO_NUMBER}"),
        ("mock/stream/0/1", f"'mock/stream/0/1' {NO_NUMBER}"),
        ("mock/stream/-1", f"'mock/stream/-1' {NO_NUMBER}"),
        ("mock/stream/10000", f"'mock/stream/10000' {NO_NUMBER}"),
        ("mock/stream/٣", f"'mock/stream/٣' {NO_NUMBER}"),
        ("mock/private", "mock/private has connections of accounts only"),
        ("mock/private@nobody", "there is no account 'nobody' at mock"),
        ("mock/stream@main", "mock/stream has no connections of accounts"),
        ("mock/nothing@main", "mock has no endpoint 'nothing' with connections; there are: stream, private"),
    ],
)
@virtually
async def test_what_is_none_is_said_in_a_sentence_wherever_it_is_asked_for(running, name, sentence) -> None:
    async with running() as one:
        gateway = one.gateway
        for ask in (
            gateway.connect_account,
            gateway.disconnect_account,
            gateway.auto_reconnect,
            gateway.reconnect,
            gateway.get_connection,
            gateway.connection,
        ):
            with pytest.raises(KeyError) as caught:
                ask(name)
            assert caught.value.args == (sentence,)
        assert gateway.get_connection_details() == {}


def test_without_anything_there_is_nothing() -> None:
    with pytest.raises(KeyError, match="there are: none"):
        Naming({}, lambda: load(None, {}, {}).accounts).find("mock")


class Public(MockExchange):
    """The mock exchange without accounts."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        stream, _, rest = INFO.endpoints
        return spi.ExchangeInfo(
            spi_version=0,
            environments=("live",),
            endpoints=(stream, rest),
            channels=INFO.channels[:2],
            limits=INFO.limits,
        )


@virtually
async def test_an_exchange_may_know_no_accounts(running) -> None:
    endpoints = {"stream": "ws://memory", "rest": "http://memory", "allow_plaintext": True}
    async with running(
        plugins={"mock": Public()}, tables={"exchanges": {"mock": {"endpoints": endpoints}}}
    ) as one:
        with pytest.raises(KeyError, match="mock has no connections of accounts"):
            one.gateway.connect_account("main")


@virtually
async def test_an_account_of_an_exchange_that_does_not_run_is_told_so(running, accounts) -> None:
    """It is configured, so it is not unknown."""

    class Broken(MockExchange):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            raise KeyError

    tables = {
        "exchanges": {"mock": {}, "other": {}},
        "accounts": {**accounts, "second": {**accounts["main"], "exchange": "other"}},
    }
    async with running(plugins={"mock": MockExchange(), "other": Broken()}, tables=tables) as one:
        with pytest.raises(KeyError, match="the exchange other of account second does not run"):
            one.gateway.connect_account("second")
        with pytest.raises(KeyError, match="there is no account 'second' at mock"):
            one.gateway.connect_account("mock/private@second")


def test_a_keyerror_is_no_error_of_the_gateways_own() -> None:
    """So that programs that catch the gateway's errors do not mistake a typo for one."""
    assert not issubclass(KeyError, GatewayError)
    assert Gateway().problems() == []
