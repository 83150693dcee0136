"""
A gateway with tokens, as a process of its own: who is let in, over TLS and without, and how soon a token ends.

Nothing that it writes or keeps has a token in it.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from gateway.client import Client, connect
from gateway.errors import SubscriptionError, TransportLost, UpgradeRefused
from gateway.store import TokenFile

GATEWAY = ".venv/bin/python -m gateway"
TOPIC = "mock:trades:BTC-USDT"
SOON = 10.0
"""Seconds within which a revoked token's sockets are closed."""


class Installation:
    """A directory with a configuration, and what its operator does there."""

    def __init__(self, run: Any, room: Path) -> None:
        self.run = run
        self.room = room
        self.secrets: list[str] = []
        self.said: list[str] = []

    def configure(self, server: str) -> None:
        (self.room / "gateway.toml").write_text(
            f'[server]\n{server}\n[store]\npath = "gateway.db"\n[log]\nlevel = "debug"\nformat = "json"\n'
        )

    async def do(self, command: str) -> str:
        """Run a command to its end and return what it printed."""
        async with self.run(f"{GATEWAY} token {command}") as started:
            status, lines = await started.ended()
            self.said += [started.errors, *([] if command.startswith("create") else lines)]
            assert status == 0, started.errors
        return "\n".join(lines)

    async def token(self, *scopes: str) -> str:
        made = await self.do("create " + " ".join(f"--scope {scope}" for scope in scopes))
        self.secrets.append(made)
        return made

    async def revoke(self, token: str) -> float:
        """Revoke it and return when that was, in seconds since 1970."""
        revoked = token.split("_")[1]
        await self.do(f"revoke {revoked}")
        [at_us] = [one.revoked_us for one in TokenFile(str(self.room / "gateway.db")).read() if one.id == revoked]
        assert at_us is not None
        return at_us / 1e6

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with self.run(f"{GATEWAY} serve --demo --config gateway.toml") as started:
            yield await started.told(r"Listening on https?://(.+)")
        self.said.append(started.errors)
        self.lines = [json.loads(line) for line in started.errors.splitlines() if line.startswith("{")]

    def check_for_secrets(self) -> None:
        """Demand that no token is in what was said, or in any file."""
        hidden = [secret.rpartition("_")[2] for secret in self.secrets]
        assert hidden
        written = [file.read_bytes().decode(errors="replace") for file in self.room.iterdir() if file.is_file()]
        for secret in hidden:
            assert not any(secret in text for text in (*written, *self.said, json.dumps(self.lines)))


@pytest.fixture
def gateway(run: Any, tmp_path: Path) -> Installation:
    found = Installation(run, tmp_path)
    found.configure('listen = "127.0.0.1:0"')
    return found


async def ended(client: Client) -> int | None:
    """Read to the end and return the close code."""
    try:
        async for _ in client:
            pass
    except TransportLost as lost:
        return lost.code
    return None


async def closed(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(60):
        while not ws.closed:
            await ws.receive()
    return ws.close_code


async def test_tokens_are_made_shown_and_revoked_while_the_gateway_runs(gateway: Installation) -> None:
    async with asyncio.timeout(200), gateway.serving() as address, aiohttp.ClientSession() as http:
        url = f"http://{address}"
        async with connect(url) as early:
            await early.subscribe(TOPIC)
            first, second = await gateway.token("market:read"), await gateway.token("market:read", "admin")
            assert await ended(early) == 4501, "who came before there was a token has none"
        with pytest.raises(SubscriptionError, match="a token is needed"):
            async with connect(url) as nobody:
                await nobody.subscribe(TOPIC)
        with pytest.raises(UpgradeRefused) as refused:
            async with connect(url, token=second[:-1] + ("0" if second[-1] != "0" else "1")):
                pass
        assert refused.value.status == 401
        async with connect(url, token=first) as client, connect(url, token=second) as other:
            for one in (client, other):
                await one.subscribe(TOPIC)
            revoked = asyncio.create_task(gateway.revoke(first))
            code = await ended(client)
            heard = time.time()
            assert code == 4501
            assert heard - await revoked < SOON
            assert (await anext(other))["topic"] == TOPIC
        headers = {"Authorization": f"Bearer {second}", "Content-Type": "application/json"}
        async with http.post(f"{url}/api/v1/config:reload", headers=headers, json={"dry_run": True}) as reply:
            assert reply.status == 200
        async with http.post(f"{url}/api/v1/tickets", headers=headers) as reply:
            ticket = (await reply.json())["ticket"]
        gateway.secrets.append(ticket)
        async with http.ws_connect(f"{url}/v1/ws", protocols=("gateway.v1", f"gateway.ticket.{ticket}")) as ws:
            code_of = asyncio.create_task(closed(ws))  # whoever is told to go must listen, however long that takes
            await gateway.revoke(second)
            assert await code_of == 4501
    audits = [line for line in gateway.lines if line["event"] == "audit"]
    mine = second.split("_")[1]
    assert [(line["action"], line["outcome"], line["token_id"]) for line in audits] == [
        ("reload", "done", mine),
        ("ticket", "done", mine),
    ]
    gateway.check_for_secrets()


async def test_the_command_line_shows_one_from_the_environment_or_a_file(gateway: Installation) -> None:
    token = await gateway.token("market:read")
    file = gateway.room.parent / f"{gateway.room.name}-token"
    file.touch(0o600)
    file.write_text(token + "\n")
    async with asyncio.timeout(200), gateway.serving() as address:
        subscribe = f"{GATEWAY} subscribe {TOPIC} --url ws://{address}"
        for options, environ in (("", {"GATEWAY_TOKEN": token}), (f" --token-file {file}", {})):
            async with gateway.run(subscribe + options, **environ) as shown:
                await shown.told(r'.*"(update)".*')
        status, errors = await failed(gateway, subscribe)
        assert (status, "it wants a token that is good: set GATEWAY_TOKEN" in errors) == (2, True)
    gateway.check_for_secrets()


async def failed(gateway: Installation, command: str) -> tuple[int | None, str]:
    """Run a command that says nothing but what is wrong; return its status and that."""
    process = await asyncio.create_subprocess_shell(
        f"exec {command.replace('.venv/bin/python', sys.executable)}",
        cwd=gateway.room,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert out == b""
    return process.returncode, errors.decode()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    return authority


TLS = '[server.tls]\ncert = "cert.pem"\nkey = "key.pem"'


@pytest.mark.usefixtures("authority")
async def test_beyond_loopback_with_tokens_and_tls(gateway: Installation) -> None:
    gateway.configure(f'listen = "0.0.0.0:0"\nallowed_hosts = ["localhost"]\n{TLS}')
    token = await gateway.token("market:read")
    async with asyncio.timeout(200), gateway.serving() as address:
        port = address.rpartition(":")[2]
        url, ca_file = f"https://127.0.0.1:{port}", str(gateway.room / "ca.pem")
        async with connect(url, token=token, ca_file=ca_file) as client:
            await client.subscribe(TOPIC)
            assert (await anext(client))["topic"] == TOPIC
            await gateway.revoke(token)
            assert await ended(client) == 4501
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            async with connect(url, token=token):
                pass
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", int(port), ssl=old)
    gateway.check_for_secrets()


@pytest.mark.parametrize(
    ("server", "missing"),
    [
        ('listen = "0.0.0.0:0"', "needs tokens and TLS; set server.tls.cert"),
        (f'listen = "0.0.0.0:0"\n{TLS}', "and no token is good"),
        ('listen = "0.0.0.0:0"\nbehind_tls_proxy = true', "and no token is good"),
        ('listen = "127.0.0.1:0"\nbehind_tls_proxy = true', "and no token is good"),
    ],
)
@pytest.mark.parametrize("command", ["serve --demo --config gateway.toml", "check-config"])
@pytest.mark.usefixtures("authority")
async def test_without_them_nothing_is_bound_and_one_sentence_says_what_is_missing(
    gateway: Installation, server: str, missing: str, command: str
) -> None:
    gateway.configure(server)
    status, errors = await failed(gateway, f"{GATEWAY} {command}")
    assert status == 78
    [line] = errors.splitlines()
    assert line.startswith("gateway: refusing to listen on")
    assert missing in line
