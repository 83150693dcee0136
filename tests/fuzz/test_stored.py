"""What is read from files that others may have written, damaged or cut: the store, tokens, captures, scenarios."""

import gzip
import sqlite3
import tomllib
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from strange import JSON, NESTED, NOISE, ODD, TEXT, VALID, bent, fuzzed, spelt, tried

from gateway.errors import ConfigError, Reason, StoreError
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import Scope
from gateway.store import schema, statements, tokenrows
from gateway.store.opening import open_database
from gateway.store.records import Ban
from gateway.store.tokenfile import MIGRATIONS, TokenFile
from gateway.store.tokens import Token
from gateway.store.tokenwatch import TokenWatch
from gateway.testing.scenario import Scenario
from gateway.testing.scenario_files import ScenarioError, build, load, read
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private import accounts
from gateway_binance.venue.recording import load as load_capture

NOW = 1_764_547_200_000_000
CELLS = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=8)
    | VALID.map(lambda text: text[:100])
    | st.sampled_from(["ip", "account", "connection", "", "banned", b"\xff", "market:read", 1.5])
)
# sizes are bounded so that a database is made quickly


def filled(place: Path, folder: str, table: str, columns: int, rows: list[list[Any]]) -> None:
    """Make a database that is sound but for what its rows hold, which nothing of SQLite forbids."""
    place.unlink(missing_ok=True)
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        schema.upgrade(connection, schema.scripts(folder))
        for row in rows:
            try:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", row)
            except sqlite3.Error:  # what may not stand there does not come to stand there
                continue


def everything(path: Path) -> None:
    database = open_database(str(path), NOW)
    try:
        for found in database.commit([statements.standing, statements.bans]):
            assert isinstance(found, tuple)
    finally:
        database.close()


@fuzzed(5)
@given(table=st.sampled_from([("subscriptions", 6), ("bans", 7)]), data=st.data())
def test_a_row_is_read_or_the_store_cannot_be_used(tmp_path: Path, table: tuple[str, int], data: Any) -> None:
    name, columns = table
    rows = data.draw(st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=3))
    place = tmp_path / "gateway.db"
    filled(place, "migrations", name, columns, rows)
    tried(lambda: everything(place), ConfigError, StoreError)


@fuzzed(5)
@given(rows=st.lists(st.lists(CELLS, min_size=7, max_size=7), min_size=1, max_size=3))
def test_a_token_is_read_or_the_file_cannot_be_used(tmp_path: Path, rows: list[list[Any]]) -> None:
    store = tmp_path / "gateway.db"
    file = TokenFile(str(store))
    filled(file.place, MIGRATIONS, "tokens", 7, rows)
    watch = TokenWatch(file.place)
    watch.leave()  # the look below is its last
    for parse in (file.read, watch.look):
        for token in tried(parse, ConfigError, StoreError) or ():
            assert isinstance(token.digest, bytes)
            assert all(isinstance(one, str) for one in (token.id, token.name, *token.scopes))
            assert token.state(NOW)


def damaged(data: Any, whole: bytes) -> bytes:
    content = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])


@fuzzed(4)
@given(data=st.data())
def test_a_damaged_file_is_set_aside_or_refused(tmp_path: Path, data: Any) -> None:
    place = tmp_path / "gateway.db"
    filled(place, "migrations", "subscriptions", 6, [["mock", "trades", "BTC", "", "", 1]])
    place.write_bytes(damaged(data, place.read_bytes()))
    tried(lambda: everything(place), ConfigError, StoreError)
    tokens = TokenFile(str(tmp_path / "other.db"))
    filled(tokens.place, MIGRATIONS, "tokens", 7, [["a", b"d", "admin", "n", 1, None, None]])
    tokens.place.write_bytes(damaged(data, tokens.place.read_bytes()))
    tried(tokens.read, ConfigError, StoreError)


WISHES = st.builds(
    Subscription,
    VALID,
    VALID,
    VALID,
    st.none() | st.text(min_size=1, max_size=5),
    st.none() | st.text(min_size=1, max_size=5),
)
BANS = st.builds(
    lambda exchange, until, noted, account, limit, reason: Ban(
        exchange=exchange,
        scope=Scope.IP if account is None else Scope.ACCOUNT,
        until_us=until,
        reason=reason,
        noted_us=noted,
        account=account,
        limit=limit,
    ),
    VALID,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(min_size=1, max_size=5),
    st.none() | st.text(min_size=1, max_size=5),
    st.sampled_from(Reason),
)
TOKENS = st.builds(
    lambda name, digest, scopes, times: Token(
        id=name, digest=digest, scopes=tuple(scopes), name=name, created_us=times[0], expires_us=times[1]
    ),
    VALID,
    st.binary(max_size=32),
    st.lists(st.from_regex(r"[a-z:-]{1,12}", fullmatch=True), max_size=3),
    st.tuples(st.integers(0, 2**62), st.none() | st.integers(0, 2**62)),
)


@fuzzed(6)
@given(ban=BANS, token=TOKENS)
def test_what_is_kept_is_read_as_it_was(ban: Ban, token: Token) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.upgrade(connection, schema.scripts())
        statements.note(connection, ban)
        found = statements.bans(connection)
    assert found == ((ban,) if ban.until_us > -(2**63) else ())
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.upgrade(connection, schema.scripts(MIGRATIONS))
        tokenrows.add(connection, token)
        assert tokenrows.every(connection) == (token,)


LINES = [
    {
        "recv_ns": 5,
        "frame": '{"stream":"btcusdt@trade","data":{"e":"trade"}}',
        "url": "wss://fstream.binance.com/x",
    },
    {
        "recv_ns": 6,
        "frame": '{"stream":"btcusdt@depth","data":{"E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}}',
    },
    {
        "recv_ns": 7,
        "dir": "http",
        "url": "https://api.binance.com/api/v3/depth?symbol=BTCUSDT",
        "frame": '{"lastUpdateId":1,"bids":[],"asks":[]}',
    },
    {"recv_ns": 7, "frame": '{"lastUpdateId":1,"bids":[["1","2"]],"asks":[]}'},
]


@fuzzed(5)
@given(data=st.data())
@example(data=None)
def test_a_capture_is_read_or_told_as_none(tmp_path: Path, data: Any) -> None:
    if data is None:
        for line in NESTED:
            check_capture(tmp_path, b'{"recv_ns":1,"frame":' + line + b"}")
            check_capture(
                tmp_path, spelt({"recv_ns": 1, "frame": '{"stream":"a@trade","data":' + line.decode() + "}"})
            )
        return
    lines = st.sampled_from(LINES).map(spelt)
    written = data.draw(st.lists(lines | lines.flatmap(bent) | NOISE | JSON.map(spelt), max_size=4))
    content = b"\n".join(written)
    packed = data.draw(st.sampled_from([b"", gzip.compress(content), b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"]))
    check_capture(tmp_path, damaged(data, packed) if packed else content)


def check_capture(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "capture"
    place.write_bytes(content)
    found = tried(lambda: load_capture(place), ValueError)
    if found is not None:
        assert found.symbols
        assert found.market in set(Market)


def toml(value: Any) -> str:
    """Return ``value`` as TOML has it, an empty text for what TOML has not."""
    match value:
        case bool() | int() | float():
            return repr(value).lower()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"'{key}' = {toml(one)}" for key, one in value.items()) + "}"
    return "'" + str(value or "").replace("'", "").replace("\n", "") + "'"


DO = st.sampled_from(
    ["mute", "cut", "stall", "refuse_upgrades", "close", "lose_acks", "noise", "skip", "send", "mut"]
)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "do": DO | ODD,
        "at": st.floats(0, 9) | ODD,
        "for": ODD,
        "every": st.floats() | ODD,
        "until": ODD,
        "count": ODD,
        "streams": ODD,
        "status": ODD,
        "text": TEXT,
        "code": ODD,
    },
)


@fuzzed(6)
@given(
    text=st.lists(STEP, max_size=3).map(lambda steps: f"steps = {toml(steps)}")
    | TEXT
    | st.text(st.sampled_from("[]{}=.'\"\n#ab1 ,"))
)
@example(text="a = " + "[" * 50_000)
@example(text="a = " + "9" * 5_000)
@example(text="steps = [{ do = 'mute', at = 0x" + "f" * 5_000 + " }]")
@example(text="steps = [{ do = 0x" + "f" * 5_000 + " }]")
@example(text=f"steps = [{{ do = '{'x' * 5_000}', at = 1 }}]")
@example(text=f"about = [{'1,' * 5_000}]\nsteps = []")
@example(text=f"steps = [{{ do = 'mute', at = '{'x' * 5_000}' }}]")
def test_a_scenario_is_read_or_told_as_none(text: str) -> None:
    found = tried(lambda: read(text), ScenarioError, told=2_500)
    if found is not None:
        assert isinstance(found, Scenario)
        assert build(tomllib.loads(text), "again") == found


@fuzzed(8)
@given(content=st.binary(max_size=40) | st.just(b"\xff"))
def test_a_scenarios_file_is_read_or_told_as_none(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "s.toml"
    place.write_bytes(content)
    tried(lambda: load(place), ScenarioError, told=2_500)


ACCOUNTS = st.dictionaries(
    st.sampled_from(["main", "b"]),
    st.fixed_dictionaries(
        {},
        optional={
            "api_key": VALID | ODD,
            "secret": VALID | ODD,
            "pem": st.sampled_from(["no", "\0", "..", 7]),
            "spot": st.dictionaries(st.just("BTC"), ODD) | ODD,
        },
    )
    | ODD,
    max_size=2,
)


@fuzzed(5)
@given(text=ACCOUNTS.map(lambda tables: "\n".join(f"{name} = {toml(one)}" for name, one in tables.items())) | TEXT)
@example(text="a = " + "[" * 50_000)
@example(text="main = { api_key = 'k', secret = 'Zq7hunter2SecretZq7', spot = { BTC = 'x' } }")
def test_the_venues_accounts_are_read_or_told_as_none(tmp_path: Path, text: str) -> None:
    place = tmp_path / "accounts.toml"
    place.write_text(text, encoding="utf-8", errors="replace", newline="")
    for account in tried(lambda: accounts.load(place), ValueError, OSError) or ():
        assert all(isinstance(amount, Decimal) for own in account.holdings.values() for amount in own.values())
