"""docs/simulating-binance.md: its tables are the code's, its command runs, its files are read."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from gateway.testing.scenario_files import read
from gateway_binance.venue.arguments import parser
from gateway_binance.venue.hosts import REST, SOCKETS, Market
from gateway_binance.venue.private.accounts import DEMO, load
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.rules import SOCKET_RULES
from gateway_binance.venue.words import WORDS

PAGE = (Path(__file__).parents[2] / "docs/simulating-binance.md").read_text()
ENDPOINTS, ACCOUNTS, SCENARIO = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
[COMMAND] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[TOLD] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def rows(first: str) -> list[str]:
    """Return the lines of the table whose head begins with ``first``."""
    [found] = re.findall(rf"^{re.escape(first)}[^\n]*\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)", PAGE, re.MULTILINE)
    return str(found).splitlines()


def test_every_word_is_there_with_its_keys() -> None:
    expected = []
    for name, word in WORDS.items():
        keys = ", ".join(f"`{key}`" if one.needed else f"[`{key}`]" for key, one in word.keys.items())
        expected.append(f"| `{name}` | {keys} | {word.does} |")
    assert rows("| word |") == expected


def test_every_host_is_there_with_its_paths() -> None:
    told = {}
    for row in rows("| host |"):
        _, host, paths, *_ = (part.strip() for part in row.split("|"))
        told[host.strip("`")] = re.findall(r"`([^`]+)`", paths)
    expected = {host: list(doors) for host, doors in SOCKETS.items()}
    assert told == {**expected, **{host: [path.rstrip("/") for path in paths] for host, paths in REST.items()}}


def test_every_option_is_there() -> None:
    told = {name for row in rows("| option |") for name in re.findall(r"`(--[a-z-]+)`", row.split("|")[1])}
    known = {name for action in parser("x", "y")._actions for name in action.option_strings}
    assert told == known - {"-h", "--help"}


def test_the_endpoints_are_those_of_the_plugins() -> None:
    venue = BinanceVenue(port=9450)
    told = {
        name: {key: value for key, value in table["endpoints"].items() if key != "allow_plaintext"}
        for name, table in tomllib.loads(ENDPOINTS)["exchanges"].items()
    }
    assert told == {
        "binance": dict(venue.addresses),
        "binance-usdm": dict(venue.addresses_of(Market.USDM)),
        "binance-coinm": dict(venue.addresses_of(Market.COINM)),
    }


def test_the_accounts_and_the_scenario_are_read(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate().private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    (tmp_path / "second.pem").write_bytes(key)
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    assert [one.name for one in load(tmp_path / "accounts.toml")] == ["main", "second"]
    assert len(read(SCENARIO, own=WORDS).steps) == 4
    assert all(f"`{word}`" in PAGE for word in DEMO)


def test_the_command_tells_where_it_is() -> None:
    command = COMMAND.replace("9450", "0").replace(".venv/bin/python", sys.executable)
    with subprocess.Popen(command.split(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in TOLD.splitlines()]
        process.terminate()
    assert [re.sub(r":\d+", ":9450", line.rstrip("\n"), count=0) for line in told] == TOLD.splitlines()


def test_the_limits_are_the_codes() -> None:
    spot, futures = SOCKET_RULES[Market.SPOT], SOCKET_RULES[Market.USDM]
    for told in (
        f"pings every {spot.ping_every:.0f} s",
        f"every {futures.ping_every / 60:.0f} minutes and wait {futures.pong_within / 60:.0f}",
        f"{spot.most_messages} messages a second (futures: {futures.most_messages})",
        f"{spot.most_streams:,} streams fit on a connection, {futures.most_streams} on one of futures",
    ):
        assert told in PAGE
