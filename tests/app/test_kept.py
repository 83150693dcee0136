"""What was made through the API, and bans, hold after a restart; a wish that falls is given up."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import spi
from gateway.app import Gateway
from gateway.app.standing import API, CONFIGURATION
from gateway.errors import Reason, SubscriptionError
from gateway.model.changes import Change
from gateway.model.states import Phase
from gateway.model.subscriptions import Subscription
from gateway.spi import Scope
from gateway.store import Ban, Store
from gateway.testing.faults import Refusal
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

TRADES = Subscription("mock", "trades", "BTC-USDT")


def tables(venue: MockVenue, path: Path, **more: object) -> dict[str, object]:
    endpoints = {**venue.addresses, "allow_plaintext": True}
    return {"exchanges": {"mock": {"endpoints": endpoints}}, "store": {"path": str(path)}, **more}


async def test_what_was_acknowledged_is_there_after_a_restart_and_flows(tmp_path: Path) -> None:
    async with MockVenue() as venue, asyncio.timeout(100):
        async with Gateway(tables(venue, tmp_path / "db")) as gateway:
            (kept,) = await gateway.standing.stand([Subscription("mock", "trades", "btc_usdt")])
            assert (kept["topic"], kept["is_new"], kept["origin"]) == (TRADES.topic, True, API)
            assert (await gateway.standing.stand([TRADES]))[0]["is_new"] is False
        async with Gateway(tables(venue, tmp_path / "db")) as gateway:
            await venue.wait_for(lambda: venue.wanted() == {"trades.btc_usdt"})
            assert [one["topic"] for one in gateway.standing.standing()] == [TRADES.topic]
            assert await gateway.standing.fall(TRADES.topic) is True
            assert await gateway.standing.fall(TRADES.topic) is False
            assert await gateway.standing.fall("no topic") is False
        async with Gateway(tables(venue, tmp_path / "db")) as gateway:
            assert gateway.standing.standing() == []


@virtually
async def test_a_wish_that_falls_is_given_up_unless_the_configuration_has_it(running) -> None:
    configured = {"subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": ["ETH-USDT"]}]}
    async with running(tables=configured) as one:
        standing = one.gateway.standing
        both = [TRADES, Subscription("mock", "trades", "ETH-USDT")]
        await standing.stand(both)
        assert {(each["topic"], each["origin"]) for each in standing.standing()} == {
            ("mock:trades:ETH-USDT", CONFIGURATION),
            ("mock:trades:ETH-USDT", API),
            ("mock:trades:BTC-USDT", API),
        }
        await one.quiet()
        assert one.venue.wanted() == {"trades.btc_usdt", "trades.eth_usdt"}
        for wish in both:
            assert await standing.fall(wish.topic)
        await asyncio.sleep(60)
        assert one.venue.wanted() == {"trades.eth_usdt"}


@virtually
async def test_of_several_of_which_one_is_refused_none_stands(running) -> None:
    async with running() as one:
        with pytest.raises(SubscriptionError, match="no symbol NOPE"):
            await one.gateway.standing.stand([TRADES, Subscription("mock", "trades", "NOPE")])
        assert one.gateway.standing.standing() == []
        await asyncio.sleep(60)
        assert one.venue.wanted() == set()


class Unshared(MockExchange):
    """The mock exchange without any limit of the address."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(one, scope=Scope.CONNECTION) for one in INFO.limits))


class Notices:
    """An observer that remembers what was noticed."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, dict[str, object]]] = []

    def changed(self, change: Change) -> None:
        """Ignore it."""

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Ignore it."""

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        self.all.append((connection_id, what, facts))


@pytest.mark.parametrize(("status", "reason"), [(418, Reason.BANNED), (429, Reason.RATE_LIMITED)])
async def test_an_exchange_that_wants_quiet_is_told_of(tmp_path: Path, status: int, reason: Reason) -> None:
    notices = Notices()
    async with MockVenue() as venue, asyncio.timeout(100):
        venue.faults.refuse_upgrades.arm(Refusal(status, {"retry-after": "3600"}), times=1)
        async with Gateway(tables(venue, tmp_path / "db"), observers=[notices]) as gateway:
            assert await gateway.connect_account("mock") is False
    [(connection, _, facts)] = [one for one in notices.all if one[1] == "kept_quiet"]
    assert connection == "mock/rest"
    assert facts.pop("seconds") == pytest.approx(3600, abs=1)
    assert facts == {"scope": Scope.IP, "reason": reason}


@pytest.mark.parametrize("plugin", [MockExchange, Unshared])
async def test_a_ban_is_obeyed_after_a_restart(tmp_path: Path, plugin: type[MockExchange]) -> None:
    plugins = {"mock": plugin()}
    async with MockVenue() as venue, asyncio.timeout(100):
        venue.faults.refuse_upgrades.arm(Refusal(418, {"retry-after": "3600"}), times=1)
        async with Gateway(tables(venue, tmp_path / "db"), plugins=plugins) as gateway:
            assert await gateway.connect_account("mock") is False
        before = len(venue.attempts), venue.counts.requests
        async with Gateway(tables(venue, tmp_path / "db"), plugins=plugins) as gateway:
            hope = gateway.connect_account("mock", retry=True)
            await asyncio.sleep(0.2)
            after = len(venue.attempts), venue.counts.requests
            assert after == before, "nothing is dialled or fetched while the ban holds"
            gateway.disconnect_account("mock")
            assert await hope is False
        store = Store(str(tmp_path / "db"))
        await store.open(0)
        (ban,) = await store.ban_history()
        await store.close()
    assert isinstance(ban, Ban)
    assert (ban.exchange, ban.scope, ban.reason) == ("mock", Scope.IP, Reason.BANNED)
