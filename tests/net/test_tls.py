import asyncio
import datetime as dt
import os
import ssl
from types import SimpleNamespace

import pytest
import trustme

from gateway.errors import PeerSilent, Reason, TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.tls import client_context
from gateway.net.transport import Kind
from gateway.runtime.deadlines import deadline
from gateway.spi.steps import Fetch, Open


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of our own, and what it would sign."""
    ca = trustme.CA()
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))

    def context(*names: str, **issue) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*(names or ("127.0.0.1",)), **issue).configure_cert(made)
        return made

    return SimpleNamespace(file=file, context=context)


@pytest.fixture
async def trusting(authority, quiet):
    network = AiohttpNetwork(ca_file=authority.file)
    yield network
    await network.close()


async def refused(network, url) -> TransportLost:
    with pytest.raises(TransportLost) as caught:
        await network.open(Open(url), max_frame=1)
    return caught.value


async def echo(wire):
    await wire.upgrade()
    while (heard := await wire.hear())[0] == 1:
        wire.frame(*heard)
    if heard[0] == 8:
        wire.frame(*heard)


async def test_a_peer_that_the_ca_file_vouches_for_is_spoken_to(trusting, serve, authority):
    peer = await serve(echo, authority.context())
    transport = await trusting.open(Open(peer.url), max_frame=1 << 20)
    await transport.send("over TLS")
    assert await transport.receive() == (Kind.TEXT, b"over TLS")
    await transport.close()
    assert transport.closed
    await peer.over()


async def test_rest_goes_over_tls_too(trusting, serve, authority):
    async def script(wire):
        await wire.hear_head()
        wire.answer(200, b"x")

    peer = await serve(script, authority.context())
    assert (await trusting.fetch(Fetch("GET", peer.rest))).body == b"x"


async def test_a_peer_whose_authority_is_unknown_is_refused(network, trusting, serve, authority):
    peer = await serve(echo, authority.context())
    fault = await refused(network, peer.url)
    assert fault.reason is Reason.TLS_FAILED
    assert "unable to get local issuer certificate" in str(fault)
    with pytest.raises(TransportLost) as caught:
        await network.fetch(Fetch("GET", peer.rest))
    assert caught.value.reason is Reason.TLS_FAILED
    assert not any(wire.head for wire in peer.wires), "not a byte of the request was sent"


async def test_the_ca_file_stands_instead_of_the_systems_authorities(authority):
    context = client_context(authority.file)
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("names", "issue", "told"),
    [
        (("other.example",), {}, "not valid for"),
        (("127.0.0.1",), {"not_after": dt.datetime(2021, 1, 1)}, "expired"),  # noqa: DTZ001  # certificates count in UTC  # as trustme has it
    ],
)
async def test_a_certificate_for_another_host_or_time_is_refused(trusting, serve, authority, names, issue, told):
    if issue:
        issue |= {"not_before": dt.datetime(2020, 1, 1)}  # noqa: DTZ001  # certificates count in UTC
    peer = await serve(echo, authority.context(*names, **issue))
    fault = await refused(trusting, peer.url)
    assert fault.reason is Reason.TLS_FAILED
    assert told in str(fault)


@pytest.mark.parametrize(
    ("alert", "reason"),
    [
        (70, Reason.TLS_FAILED),  # protocol_version: it knows only what is older than TLS 1.2
        (80, Reason.CONNECTION_RESET),  # internal_error: a load balancer in trouble
    ],
)
async def test_only_an_alert_about_policy_is_final(trusting, serve, alert, reason):
    async def script(wire):
        await wire.reader.read(1)
        wire.writer.write(bytes((0x15, 3, 1, 0, 2, 2, alert)))

    peer = await serve(script)
    assert (await refused(trusting, peer.url.replace("ws", "wss"))).reason is reason


async def test_a_peer_without_tls_is_refused(trusting, serve):
    async def script(wire):
        await wire.reader.read(1)
        wire.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    peer = await serve(script)
    assert (await refused(trusting, peer.url.replace("ws", "wss"))).reason is Reason.TLS_FAILED


@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_a_handshake_that_breaks_off_may_be_tried_again(trusting, serve, end):
    """A load balancer that restarts is no policy; only policy stops a connection for good."""

    async def script(wire):
        await wire.reader.read(1)
        getattr(wire, end)()

    peer = await serve(script)
    assert (await refused(trusting, peer.url.replace("ws", "wss"))).reason is Reason.CONNECTION_RESET


async def test_a_handshake_that_stalls_is_left_at_the_callers_deadline(trusting, serve):
    async def script(wire):
        await wire.reader.read(1)

    peer = await serve(script)
    with pytest.raises(PeerSilent):
        async with deadline(0.2, "connection"):
            await trusting.open(Open(peer.url.replace("ws", "wss")), max_frame=1)
    await peer.over()


@pytest.mark.parametrize("kind", ["missing", "empty", "nonsense"])
async def test_a_ca_file_that_cannot_be_used_is_a_tls_failure_and_concerns_tls_alone(serve, ws, tmp_path, kind):
    file = tmp_path / "ca.pem"
    if kind != "missing":
        file.write_text(
            "" if kind == "empty" else "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        )
    network = AiohttpNetwork(ca_file=file)
    fault = await refused(network, "wss://127.0.0.1:1/")
    assert fault.reason is Reason.TLS_FAILED
    assert "certificate authorities" in str(fault)
    assert fault.__context__ is None
    await network.open(Open((await serve(ws.silent)).url), max_frame=1)
    await network.close()


async def test_a_reset_under_tls_is_a_reset(trusting, serve, authority):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        wire.rst()

    peer = await serve(script, authority.context())
    transport = await trusting.open(Open(peer.url), max_frame=1)
    await transport.send("go")
    with pytest.raises(TransportLost) as caught:
        await transport.receive()
    assert caught.value.reason is Reason.CONNECTION_RESET
    await transport.close()


async def test_records_that_make_no_sense_are_a_broken_connection_and_no_policy(trusting, serve, authority):
    """Retried, where a certificate that is refused is not."""

    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        os.write(wire.tcp.fileno(), b"\x17\x03\x09\x00\x10" + b"x" * 16)

    peer = await serve(script, authority.context())
    transport = await trusting.open(Open(peer.url), max_frame=1)
    await transport.send("go")
    with pytest.raises(TransportLost) as caught:
        await transport.receive()
    assert caught.value.reason is Reason.CONNECTION_RESET
    await transport.close()
    await peer.over()


@pytest.mark.parametrize("how", ["close", "abort", "fin"])
async def test_a_socket_is_gone_in_time_though_the_peer_never_says_goodbye_in_tls(
    trusting, serve, authority, descriptors, how
):
    """asyncio alone would keep it half a minute for that."""

    async def script(wire):
        await wire.upgrade()
        if how == "close":
            await wire.hear()
            wire.frame(8, b"\x03\xe8")
        wire.writer.transport.pause_reading()
        await over.wait()

    over = asyncio.Event()
    peer = await serve(script, authority.context())
    transport = await trusting.open(Open(peer.url), max_frame=1)
    files = descriptors()
    started = asyncio.get_running_loop().time()
    if how == "abort":
        transport.abort()
    else:
        await transport.close(within=0.2)
    await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - started < 10
    assert descriptors() < files
    over.set()
    await peer.stop()


def test_the_context_verifies_and_is_shared(authority):
    context = client_context(authority.file)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert client_context(authority.file) is context
    assert client_context(None) is client_context(None) is not context
    assert client_context(None).verify_mode is ssl.CERT_REQUIRED


def test_a_ca_file_that_was_replaced_is_read_again(authority, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.file.read_bytes())
    before = client_context(file)
    trustme.CA().cert_pem.write_to_path(str(file))
    os.utime(file, ns=(1, 1))
    assert client_context(file).get_ca_certs() != before.get_ca_certs()


async def test_all_connections_of_a_network_share_one_context(trusting, serve, authority):
    peer = await serve(echo, authority.context())
    transports = [await trusting.open(Open(peer.url), max_frame=1) for _ in range(3)]
    contexts = {id(transport._tcp.get_extra_info("sslcontext")) for transport in transports}
    assert contexts == {id(client_context(authority.file))}
