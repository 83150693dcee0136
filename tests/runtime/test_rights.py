"""What the keys of accounts may do is asked once, after their first login, and told; nothing waits for it."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import spi
from gateway.runtime.rights import excess
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept, Hang, Refuse
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO

ID, ORDERS = "mock/private@main", "mock:orders:@main"
ASKED = spi.Fetch("GET", "http://memory/rights", cost={"mock-weight": 1})
READS = spi.KeyRights(trading=False, withdrawal=False, address_bound=True)
TRADES = spi.KeyRights(trading=True, withdrawal=True, address_bound=False)
NOTICES = ("key_rights", "key_rights_excessive", "key_rights_unknown", "internal_error")


class Signer:
    api_key = "key"
    key_type = "hmac"

    def hmac_sha256(self, message: bytes) -> bytes:
        return b""


def greet(peer: Any) -> None:
    peer.say('{"op":"hello","nonce":"1"}')
    peer.say('{"op":"ok"}')


@pytest.fixture
def keys(stage, variant) -> Callable[..., Any]:
    """What makes a stage with an account whose key may do so much."""

    def made(rights: Any = READS, **hooks: Any) -> Any:
        def gateway_key_rights(target: spi.Target) -> spi.Conversation[spi.KeyRights]:
            def conversation():
                one.asked.append(target.signer)
                (yield ASKED).json()
                return rights

            return conversation()

        one = stage(variant(**{"gateway_key_rights": gateway_key_rights, **hooks}), accounts={"main": Signer()})
        one.asked = []
        one.network.on_dial = lambda _: Accept(greet)
        one.network.on_fetch = lambda fetch: HttpReply(200, body=b"{}")
        return one

    return made


async def log_in(one: Any, seconds: float = 3) -> None:
    """Have the account up."""
    if not one.exchange.links.all:
        await one.hear(ORDERS)
    for request in one.far.requests:
        if request["op"] == "subscribe":
            one.far.say(op="ok", id=request["id"])
    await asyncio.sleep(seconds)


def told(one: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(what, facts) for what in NOTICES for facts in one.seen.noticed_of(what)]


def rights(one: Any) -> Any:
    return dict(one.exchange.links.rights.known)


@virtually
async def test_a_key_that_only_reads_is_told_as_what_it_is(keys) -> None:
    async with keys() as one:
        await log_in(one)
        assert told(one) == [("key_rights", {"trading": "no", "withdrawal": "no", "address_bound": "yes"})]
        assert rights(one) == {"main": READS}


@virtually
async def test_one_that_may_do_more_is_told_aloud(keys) -> None:
    async with keys(TRADES) as one:
        await log_in(one)
        [(what, facts)] = told(one)
        assert what == "key_rights_excessive"
        assert facts.pop("text") == (
            "the account's key may trade and may take assets out of the account and works from every address; "
            "one that may only read, from this address alone, would do"
        )
        assert facts == {"trading": "yes", "withdrawal": "yes", "address_bound": "no"}
        assert one.state(ID) == "CONNECTED"


@pytest.mark.parametrize(
    ("found", "too_much"),
    [
        (spi.KeyRights(), []),
        (spi.KeyRights(trading=True), ["may trade"]),
        (spi.KeyRights(withdrawal=True), ["may take assets out of the account"]),
        (spi.KeyRights(address_bound=False), ["works from every address"]),
    ],
)
def test_what_is_not_known_is_not_held_against_a_key(found: spi.KeyRights, too_much: list[str]) -> None:
    assert excess(found) == too_much


@virtually
async def test_it_is_asked_once_however_often_the_account_logs_in(keys) -> None:
    async with keys() as one:
        await log_in(one)
        for _ in range(3):
            one.far.peer.drop()
            await asyncio.sleep(90)
            await log_in(one)
        assert one.state(ID) == "CONNECTED"
        assert len(one.asked) == 1
        assert len(told(one)) == 1


@virtually
async def test_other_credentials_are_asked_about_anew(keys) -> None:
    async with keys() as one:
        await log_in(one)
        first = one.asked[0]
        one.accounts["main"] = second = Signer()
        one.exchange.change_accounts(frozenset({"main"}), frozenset({"main"}))
        for _ in range(30):
            await asyncio.sleep(1)
            await log_in(one, 0)
        assert one.asked == [first, second]
        assert rights(one) == {"main": READS}


@virtually
async def test_of_an_account_that_is_gone_nothing_is_kept(keys) -> None:
    async with keys() as one:
        await log_in(one)
        one.accounts.clear()
        one.exchange.change_accounts(frozenset(), frozenset())
        assert rights(one) == {}
        await asyncio.sleep(3)
        assert len(told(one)) == 1


@virtually
async def test_where_the_plugin_does_not_ask_nothing_is_told(keys) -> None:
    async with keys(gateway_key_rights=lambda target: None) as one:
        await log_in(one)
        assert (told(one), rights(one)) == ([], {})


@virtually
async def test_a_refusal_is_told_and_is_no_reason_to_disconnect_and_the_next_login_asks_again(keys) -> None:
    async with keys() as one:
        one.network.on_fetch = lambda fetch: HttpReply(401, body=b'{"code":1}')
        await log_in(one, 60)
        [(what, facts)] = told(one)
        assert what == "key_rights_unknown"
        assert "401" in facts["text"]
        assert (one.state(ID), rights(one)) == ("CONNECTED", {})
        assert len(one.asked) == 1
        one.network.on_fetch = lambda fetch: HttpReply(200, body=b"{}")
        one.far.peer.drop()
        await asyncio.sleep(90)
        await log_in(one)
        assert rights(one) == {"main": READS}


@virtually
async def test_an_address_that_asked_too_much_is_kept_quiet(keys) -> None:
    async with keys() as one:
        one.network.on_fetch = lambda fetch: HttpReply(429, {"retry-after": "77"}, b"")
        await log_in(one)
        assert 70 < one.budgets.for_connection((), None, "mock").quiet(asyncio.get_running_loop().time()) <= 77


@virtually
@pytest.mark.parametrize("answer", [spi.KeyRights(trading="yes"), None, 5])
async def test_a_plugin_that_answers_nonsense_is_told_of(keys, answer: Any) -> None:
    async with keys(answer) as one:
        await log_in(one)
        [(what, facts)] = told(one)
        assert what == "key_rights_unknown"
        assert "gateway_key_rights" in facts["text"]
        assert one.state(ID) == "CONNECTED"


@virtually
async def test_what_never_answers_holds_nothing_up_and_ends_with_the_exchange(keys) -> None:
    async with keys() as one:
        one.network.on_fetch = lambda fetch: Hang()
        await log_in(one)
        assert one.state(ID) == "CONNECTED"
        assert told(one) == []
    assert rights(one) == {}


@virtually
async def test_a_login_that_fails_asks_nothing(keys) -> None:
    async with keys() as one:
        one.network.on_dial = lambda _: Refuse(503)
        await one.hear(ORDERS)
        await asyncio.sleep(30)
        assert (one.asked, told(one)) == ([], [])


@virtually
async def test_a_defect_of_ours_is_said_aloud(keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.runtime.rights._word", lambda _: 1 / 0)
    async with keys() as one:
        await log_in(one)
        assert [what for what, _ in told(one)] == ["internal_error"]
        assert one.state(ID) == "CONNECTED"


@virtually
async def test_another_connection_of_the_account_that_goes_down_leaves_it_to_be_asked(keys) -> None:
    other: Any = SimpleNamespace(connection=SimpleNamespace(id="mock/second@main", account="main"))
    async with keys() as one:
        now = asyncio.get_running_loop().time()
        one.budgets.for_connection(INFO.limits, None, "mock").take({"mock-weight": 1080}, now)
        await log_in(one)
        one.exchange.links.rights.give_up(other)
        await asyncio.sleep(30)
        assert rights(one) == {}, "it waits for the exchange's limits"
        await asyncio.sleep(60)
        assert rights(one) == {"main": READS}
