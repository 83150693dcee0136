"""No connection leads where the plugin did not say, nor by a forged name into the operator's own network."""

import socket
from ipaddress import ip_address

import pytest
from yarl import URL

from gateway.errors import Reason, TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.egress import ANYWHERE, Egress, is_public
from gateway.net.resolving import Resolver
from gateway.spi.steps import Fetch, Open

PRIVATE = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::1",
    "64:ff9b::a9fe:a9fe",
]
PUBLIC = ["1.1.1.1", "18.178.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::1", "64:ff9b::101:101"]
API = "https://api.acme.example/v1"
EGRESS = Egress.of([API, "wss://stream.acme.example"], [], private=False)


@pytest.mark.parametrize("scheme", ["ws", "WS", "http"])
async def test_a_host_of_tls_is_not_spoken_to_in_the_clear(scheme, monkeypatch):
    """N22: whatever an answer of the exchange says; nothing is even looked up."""
    monkeypatch.setattr(socket, "getaddrinfo", None)
    network = AiohttpNetwork(egress=EGRESS)
    url = f"{scheme}://stream.acme.example/?token=canary"
    step = network.fetch(Fetch("GET", url)) if scheme == "http" else network.open(Open(url), max_frame=1)
    try:
        with pytest.raises(TransportLost, match="asks without TLS") as refused:
            await step
    finally:
        await network.close()
    assert refused.value.reason is Reason.PLUGIN_ERROR
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("declared", "named", "plaintext", "allowed"),
    [
        ("ws://stream.acme.example", "", False, False),
        ("ws://stream.acme.example", "", True, True),
        ("ws://10.0.0.1", "", False, False),
        ("ws://127.0.0.1:9440", "", False, True),
        ("ws://[::1]:9440", "", False, True),
        ("", "ws://stream.acme.example", False, True),
        ("wss://stream.acme.example", "", True, False),
    ],
)
def test_in_the_clear_is_reached_what_was_allowed_so(declared, named, plaintext, allowed):
    urls = [[one] if one else [] for one in (declared, named)]
    egress = Egress.of(*urls, private=True, plaintext=plaintext)
    asked = URL((declared or named).replace("wss", "ws"))
    if allowed:
        egress.check(asked)
    else:
        with pytest.raises(TransportLost, match="asks without TLS"):
            egress.check(asked)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_a_network_of_ones_own_is_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", [*PRIVATE, "fe80::1%eth0"])
async def test_a_name_that_leads_to_a_private_address_is_not_dialled(address, monkeypatch):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    answers(monkeypatch, (kind, address))
    network = AiohttpNetwork(egress=EGRESS)
    try:
        for step in (
            network.open(Open("wss://stream.acme.example"), max_frame=1),
            network.fetch(Fetch("GET", API)),
        ):
            with pytest.raises(TransportLost, match="no public address; allow_private") as caught:
                await step
            assert caught.value.reason is Reason.UNREACHABLE
            assert address in str(caught.value)
    finally:
        await network.close()


async def test_of_several_addresses_only_public_ones_are_left(monkeypatch):
    answers(monkeypatch, (socket.AF_INET, "10.0.0.1"), (socket.AF_INET, "1.1.1.1"))
    resolver = Resolver(lambda _: None, EGRESS)
    try:
        assert [one["host"] for one in await resolver.resolve("api.acme.example", 443)] == ["1.1.1.1"]
    finally:
        await resolver.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.acme.example.evil.example/v1",
        "https://evil.example",
        "https://169.254.169.254/latest",
        "https://127.0.0.1:6379",
        "https://[::ffff:127.0.0.1]",
        "https://api.acme.example@evil.example/v1",
    ],
)
async def test_a_host_that_the_plugin_does_not_declare_is_not_even_looked_up(url, monkeypatch):
    looked_up = answers(monkeypatch, (socket.AF_INET, "1.1.1.1"))
    network = AiohttpNetwork(egress=EGRESS)
    try:
        with pytest.raises(TransportLost, match="a host that it does not declare") as caught:
            await network.fetch(Fetch("GET", url))
        assert caught.value.reason is Reason.PLUGIN_ERROR
        assert looked_up == []
    finally:
        await network.close()


async def test_an_address_in_an_old_spelling_is_none(monkeypatch):
    looked_up = answers(monkeypatch, (socket.AF_INET, "127.0.0.1"))
    network = AiohttpNetwork(egress=Egress(None, private=False))
    try:
        for host in ("2130706433", "127.1", "0x7f.1"):
            with pytest.raises(TransportLost, match=r"URL .*is malformed|which is no public address"):
                await network.fetch(Fetch("GET", f"http://{host}:1/"))
    finally:
        await network.close()
    assert set(looked_up) <= {"0x7f.1"}, "whatever the system makes of it is looked at"


def test_what_the_operator_named_is_reached_wherever_it_is():
    egress = Egress.of([API], ["ws://venue.lan:1", "ws://10.0.0.9"], private=False)
    assert egress.admits("venue.lan", "192.168.1.1")
    assert egress.admits("venue.lan.", "192.168.1.1")
    assert not egress.admits("api.acme.example", "192.168.1.1")
    for url in ("ws://10.0.0.9/x", "ws://VENUE.lan:2", API):
        egress.check(URL(url))


def test_an_address_that_a_plugin_declares_as_such_is_there_for_all_to_read():
    egress = Egress.of(["ws://127.0.0.1:9440"], [], private=False)
    egress.check(URL("ws://127.0.0.1:9440/private"))
    with pytest.raises(TransportLost):
        egress.check(URL("ws://127.0.0.2:9440"))


def test_private_addresses_can_be_allowed_though_not_strangers():
    egress = Egress.of([API], [], private=True)
    assert egress.admits("api.acme.example", "10.0.0.1")
    with pytest.raises(TransportLost):
        egress.check(URL("https://evil.example"))
    ANYWHERE.check(URL("https://evil.example"))


def answers(monkeypatch, *addresses):
    """Have every name lead to these; returns those that were asked for."""
    asked = []

    def look_up(host, port, *_, **__):
        asked.append(host)
        return [
            (
                kind,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if kind == socket.AF_INET6 else (address, port),
            )
            for kind, address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked
