"""What a gateway is asked over REST."""

import asyncio

import pytest
from aiohttp import web

from gateway.client.rest import Rest, base_of
from gateway.config import Secret
from gateway.errors import ProtocolViolation, Reason, TransportLost

CANARY = "gw1_abc_canary"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("ws://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("wss://gateway.example/v1/ws", "https://gateway.example"),
        ("http://127.0.0.1:1/?x=y", "http://127.0.0.1:1"),
        ("https://user:password@gateway.example", "https://gateway.example"),
    ],
)
def test_any_url_of_a_gateway_says_where_rest_is_spoken_and_carries_no_password(url, base):
    assert base_of(url) == base


@pytest.mark.parametrize("url", ["http://gateway.example", "ws://gateway.example"])
def test_a_token_is_not_sent_in_the_clear(url):
    with pytest.raises(ValueError, match="in the clear"):
        Rest(url, token=CANARY)
    Rest("https://gateway.example", token=CANARY)


async def test_a_real_gateway_is_asked(rig):
    async with Rest(rig.url) as rest:
        status, document = await rest.get("/api/v1/info")
        assert (status, document["protocol"]) == (200, "gateway.v1")
        assert await rest.get("/livez") == (200, None)
        status, problem = await rest.get("/api/v1/connections/nope")
        assert (status, problem["code"]) == (404, "unknown_connection")


@pytest.fixture
async def answering():
    """Start a server that answers everything as a test wants; return its URL."""
    runners = []

    async def start(handler):
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_the_token_is_shown_in_a_header(answering):
    async def handler(request):
        return web.json_response({"shown": request.headers.get("Authorization")})

    async with Rest(await answering(handler), token=Secret(CANARY)) as rest:
        assert await rest.get("/") == (200, {"shown": f"Bearer {CANARY}"})


async def test_one_that_does_not_answer_is_given_up_in_time(answering):
    async def handler(_):
        await asyncio.Event().wait()

    async with asyncio.timeout(10), Rest(await answering(handler), patience=0.05) as rest:
        with pytest.raises(TransportLost, match=r"no answer within 0\.05 s") as caught:
            await rest.get("/")
    assert caught.value.reason is Reason.DEADLINE_MISSED


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '"\\ud800"'], ids=["cut", "deep", "no text"])
async def test_what_only_says_that_it_is_json_is_no_gateway(answering, text):
    async def handler(_):
        return web.Response(text=text, content_type="application/json")

    async with Rest(await answering(handler)) as rest:
        with pytest.raises(ProtocolViolation, match="is no JSON"):
            await rest.get("/")
