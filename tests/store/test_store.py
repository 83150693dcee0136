"""What the rest of the gateway sees of the store."""

import asyncio
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import NOW, SECOND, ban, names, opened, wish

from gateway.errors import Reason, StoreError
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import Scope
from gateway.store import Added, Ban, StandingSubscription, Store, statements

RAW = Subscription("mock", "raw", "a:b@c|d'; DROP TABLE bans; --")
CANDLES = Subscription("mock", "candles", "BTC-USDT", "1m")
ORDERS = Subscription("mock", "orders", account="main")


async def test_what_was_added_is_there_after_a_restart_in_its_order(path):
    async with opened(path) as store:
        for number, one in enumerate([CANDLES, RAW, ORDERS]):
            assert await store.add_subscription(one, NOW + number) == Added(
                StandingSubscription(one, NOW + number), is_new=True
            )
    async with opened(path) as store:
        assert await store.subscriptions() == (
            StandingSubscription(CANDLES, NOW),
            StandingSubscription(RAW, NOW + 1),
            StandingSubscription(ORDERS, NOW + 2),
        )


async def test_asked_for_twice_it_stands_once_and_keeps_its_time(path):
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
        again = await store.add_subscription(CANDLES, NOW + 1)
        assert again == Added(StandingSubscription(CANDLES, NOW), is_new=False)
        assert await store.subscriptions() == (StandingSubscription(CANDLES, NOW),)


async def test_each_part_of_a_wish_tells_it_from_others(path):
    wishes = [
        Subscription("mock", "book", "BTC-USDT"),
        Subscription("other", "book", "BTC-USDT"),
        Subscription("mock", "quotes", "BTC-USDT"),
        Subscription("mock", "book", "ETH-USDT"),
        Subscription("mock", "book", "BTC-USDT", "20"),
        Subscription("mock", "book", account="BTC-USDT"),
    ]
    async with opened(path) as store:
        assert all([(await store.add_subscription(one, NOW)).is_new for one in wishes])
        assert await store.remove_subscription(wishes[4])
        assert [one.subscription for one in await store.subscriptions()] == wishes[:4] + wishes[5:]


async def test_removed_it_is_gone_and_removing_again_says_so(path):
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
        assert await store.remove_subscription(CANDLES)
        assert not await store.remove_subscription(CANDLES)
    async with opened(path) as store:
        assert await store.subscriptions() == ()


def test_a_standing_subscription_is_known_by_its_topic():
    assert StandingSubscription(CANDLES, NOW).topic == "mock:candles:BTC-USDT:1m"


text = st.text(min_size=1).filter(lambda one: one.isprintable() or "\0" in one)
wishes = st.builds(Subscription, text, text, st.text(), variant=st.none() | text, account=st.none() | text)


@given(st.lists(wishes, max_size=5))
def test_whatever_is_kept_comes_back_as_it_was(several):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        from gateway.store.schema import scripts, upgrade

        upgrade(connection, scripts())
        for one in several:
            statements.add(connection, one, NOW)
        found = [one.subscription for one in statements.standing(connection)]
    finally:
        connection.close()
    assert found == list(dict.fromkeys(several))


ROWS = {
    "subscriptions": [
        (b"m", "c", "s", "", "", 1),
        ("m", "c", "s", "", b"\xff", 1),
        ("m", "c", "s", "", "", "soon"),
    ],
    "bans": [
        ("m", "galaxy", "", "", 9, "banned", 1),
        ("m", "ip", "a", "", 9, "banned", 1),
        ("m", "ip", "", "", 1.5, "", 1),
    ],
}


@pytest.mark.parametrize(("table", "row"), [(table, row) for table, rows in ROWS.items() for row in rows])
def test_a_row_that_was_never_written_is_left_out(table, row):
    from gateway.store.schema import scripts, upgrade

    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        upgrade(connection, scripts())
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        assert (statements.standing(connection), statements.bans(connection)) == ((), ())
    finally:
        connection.close()


@pytest.mark.parametrize("wrong", [{"variant": ""}, {"account": ""}, {"symbol": "\ud800"}])
async def test_a_wish_that_could_not_come_back_as_it_was_is_refused(path, wrong):
    async with opened(path) as store:
        with pytest.raises(ValueError):
            await store.add_subscription(
                Subscription(**{"exchange": "m", "channel": "c", "symbol": "s"} | wrong), NOW
            )
        assert await store.subscriptions() == ()


# --- bans


async def test_a_ban_is_there_after_a_restart_until_it_is_over(path):
    whole = ban(NOW + 60 * SECOND)
    order_limit = ban(
        NOW + 30 * SECOND, limit="orders", account="main", scope=Scope.ACCOUNT, reason=Reason.RATE_LIMITED
    )
    async with opened(path) as store:
        await store.note_ban(order_limit)
        await store.note_ban(whole)
    async with opened(path, NOW + 10 * SECOND) as store:
        assert await store.bans(NOW + 10 * SECOND) == (whole, order_limit)
        assert await store.bans(NOW + 30 * SECOND) == (whole,)
        assert await store.bans(NOW + 60 * SECOND) == ()


async def test_a_ban_is_prolonged_and_never_shortened(path):
    longer = ban(NOW + 600 * SECOND, noted_us=NOW + 1, reason=Reason.RATE_LIMITED)
    async with opened(path) as store:
        await store.note_ban(ban(NOW + 60 * SECOND))
        await store.note_ban(longer)
        await store.note_ban(ban(NOW + 61 * SECOND, noted_us=NOW + 2))
        assert await store.bans(NOW) == (longer,)


async def test_bans_of_different_exchanges_scopes_accounts_and_limits_are_different(path):
    several = {
        ban(NOW + SECOND),
        ban(NOW + SECOND, exchange="other"),
        ban(NOW + SECOND, limit="weight"),
        ban(NOW + SECOND, scope=Scope.ACCOUNT, account="main"),
        ban(NOW + SECOND, scope=Scope.ACCOUNT, account="second"),
    }
    async with opened(path) as store:
        for one in several:
            await store.note_ban(one)
        assert set(await store.bans(NOW)) == several


async def test_a_clock_that_was_set_back_makes_no_ban_longer(path):
    """Else a ban noted while the clock stood years ahead would hold for years."""
    year = 365 * 86_400 * SECOND
    async with opened(path) as store:
        await store.note_ban(ban(NOW + year + 60 * SECOND, noted_us=NOW + year))
    async with opened(path, NOW) as store:
        assert await store.bans(NOW) == (ban(NOW + 60 * SECOND, noted_us=NOW),)


async def test_a_ban_noted_after_the_clock_was_set_back_takes_the_place_of_one_from_the_future(path):
    year = 365 * 86_400 * SECOND
    async with opened(path) as store:
        await store.note_ban(ban(NOW + year + 60 * SECOND, noted_us=NOW + year))
        await store.note_ban(ban(NOW + 60 * SECOND))
        assert await store.bans(NOW) == (ban(NOW + 60 * SECOND),)


async def test_retention_says_how_long_a_ban_is_remembered_after_its_end(path):
    old, recent, held = (ban(NOW + n * SECOND, limit=str(n)) for n in (1, 50, 200))
    async with opened(path, retention=100.0) as store:
        for one in (old, recent, held):
            await store.note_ban(one)
        assert await store.ban_history() == (held, recent, old)
        new = ban(NOW + 900 * SECOND, noted_us=NOW + 102 * SECOND)
        await store.note_ban(new)
        assert await store.ban_history() == (new, held, recent), "noting a ban prunes"
    async with opened(path, NOW + 151 * SECOND, retention=100.0) as store:
        assert await store.ban_history() == (new, held), "so does a start"


async def test_retention_may_be_changed_while_it_is_open(path):
    old, recent = (ban(NOW + n * SECOND, limit=str(n)) for n in (1, 50))
    async with opened(path) as store:
        for one in (old, recent):
            await store.note_ban(one)
        await store.retain(100.0, NOW + 120 * SECOND)
        assert await store.ban_history() == (recent,), "at once"
        await store.note_ban(new := ban(NOW + 900 * SECOND, noted_us=NOW + 151 * SECOND))
        assert await store.ban_history() == (new,)
        await store.retain(None, NOW + 10**12)
        assert await store.ban_history() == (new,)


async def test_without_retention_every_scope_s_last_ban_is_remembered(path):
    async with opened(path) as store:
        await store.note_ban(ban(NOW + SECOND))
    async with opened(path, NOW + 10**15) as store:
        assert await store.bans(NOW + 10**15) == ()
        assert await store.ban_history() == (ban(NOW + SECOND),)


async def test_a_reason_that_another_version_knew_is_still_a_ban(path):
    async with opened(path) as store:
        await store.note_ban(ban(NOW + SECOND, reason=Reason.RATE_LIMITED))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE bans SET reason = 'moon_eclipsed'")
    other.close()
    async with opened(path) as store:
        assert await store.bans(NOW) == (ban(NOW + SECOND),)


def test_what_is_left_of_a_ban_is_never_negative():
    one = ban(NOW + SECOND)
    assert [one.seconds_left(NOW + us) for us in (0, 400_000, SECOND, 2 * SECOND)] == [1.0, 0.6, 0.0, 0.0]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"scope": Scope.CONNECTION}, "does not outlive its connection"),
        ({"scope": Scope.ACCOUNT}, "names an account"),
        ({"scope": Scope.IP, "account": "main"}, "names an account"),
    ],
)
def test_a_ban_without_a_sense_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        Ban(exchange="mock", until_us=1, reason=Reason.BANNED, noted_us=0, **wrong)


# --- its life


async def test_memory_keeps_nothing_and_makes_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with opened(":memory:") as store:
        await store.add_subscription(CANDLES, NOW)
        await store.note_ban(ban(NOW + SECOND))
        assert len(await store.subscriptions()) == len(await store.bans(NOW)) == 1
    async with opened(":memory:") as store:
        assert await store.subscriptions() == await store.bans(NOW) == ()
    assert names(tmp_path) == set()


async def test_closed_in_good_order_it_leaves_one_file_and_its_lock(path):
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
    assert names(path.parent) == {"gateway.db", "gateway.db.lock"}


async def test_nobody_else_may_read_the_file(path):
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
        assert [path.with_name(name).stat().st_mode & 0o077 for name in ("gateway.db", "gateway.db-wal")] == [0, 0]


async def test_a_store_that_is_not_open_says_so(path):
    store = Store(str(path))
    with pytest.raises(StoreError, match="the store is not open"):
        await store.subscriptions()
    await store.close()
    async with opened(path) as store:
        pass
    with pytest.raises(StoreError, match="the store is not open"):
        await store.add_subscription(CANDLES, NOW)


async def test_opening_twice_is_refused_and_harms_nothing(path):
    async with opened(path) as store:
        with pytest.raises(StoreError, match="open already"):
            await store.open(NOW)
        assert (await store.add_subscription(CANDLES, NOW)).is_new


async def test_closing_keeps_what_was_asked_for_before(path):
    async with opened(path) as store:
        tasks = [asyncio.create_task(store.add_subscription(wish(n), NOW)) for n in range(100)]
        await asyncio.sleep(0)
        await asyncio.gather(store.close(), store.close())
        assert all(added.is_new for added in await asyncio.gather(*tasks))
    async with opened(path) as store:
        assert len(await store.subscriptions()) == 100


async def test_a_store_can_be_opened_again(path):
    store = Store(str(path))
    for _ in range(3):
        await store.open(NOW)
        await store.add_subscription(CANDLES, NOW)
        await store.close()
    async with opened(path) as store:
        assert len(await store.subscriptions()) == 1


async def test_a_full_disk_is_told_and_loses_nothing(path):
    long = Subscription("mock", "raw", "x" * 100_000)
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
        await store._do(lambda one: one.execute("PRAGMA max_page_count = 20"))
        with pytest.raises(StoreError, match=r"database or disk is full \(SQLITE_FULL\)"):
            await store.add_subscription(long, NOW)
        assert (await store.add_subscription(ORDERS, NOW)).is_new, "what fits is kept"
        await store._do(lambda one: one.execute("PRAGMA max_page_count = 10000"))
        assert (await store.add_subscription(long, NOW)).is_new
    async with opened(path) as store:
        assert [one.subscription for one in await store.subscriptions()] == [CANDLES, ORDERS, long]


async def test_a_store_is_bounded_in_size(path):
    async with opened(path) as store:
        assert await store._do(lambda one: one.execute("PRAGMA max_page_count").fetchone()) == (16_384,)


@pytest.mark.parametrize("name", ["gateway.db", "gateway.db-wal"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_a_file_that_vanishes_beneath_us_is_told(path, name, how):
    """SQLite would go on, and what it says is committed would be lost."""
    victim = path.with_name(name)
    async with opened(path) as store:
        await store.add_subscription(CANDLES, NOW)
        content = victim.read_bytes()
        victim.rename(path.with_name("elsewhere"))
        if how == "replaced":
            victim.write_bytes(content)
        with pytest.raises(StoreError, match=f"{name} was moved, replaced or removed while in use"):
            await store.add_subscription(ORDERS, NOW)
