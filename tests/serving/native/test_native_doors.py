"""Who gets to an exchange's own protocol, and what is passed on over REST."""

import pytest
from yarl import URL

from gateway.serving.auth.needs import NATIVE, NEEDS, Need
from gateway.serving.native.room import query_of


async def test_what_is_not_there_is_named(doorway):
    assert (await doorway.rig.problem("/native/nowhere/ws"))[1]["code"] == "unknown_exchange"
    status, told = await doorway.rig.problem("/native/mute/ws")
    assert (status, told["code"]) == (404, "not_offered")


async def test_an_upgrade_is_refused_in_the_exchanges_words(doorway):
    assert await doorway.refused("/native/mock/elsewhere") == 418


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_an_answer_is_passed_on_with_the_headers_that_are_the_clients(doorway, method):
    url = f"{doorway.rig.base}/native/mock/api/v3/order?symbol=A%20B&symbol=C&empty"
    async with doorway.rig.http.request(method, url) as reply:
        assert (reply.status, await reply.text()) == (203, f"{method} /api/v3/order")
        assert (reply.content_type, reply.headers["Retry-After"]) == ("text/weird", "7")
        assert not {"x-used", "set-cookie"} & {name.lower() for name in reply.headers}
        assert reply.headers["Cache-Control"] == "no-store"
    assert doorway.spoken.asked == [(method, "/api/v3/order", {"symbol": "C", "empty": ""})]


async def test_a_plugin_that_fails_is_told_and_its_client_is_not_told_how(doorway, capsys):
    status, told = await doorway.rig.problem("/native/mock/broken")
    assert (status, told["code"]) == (502, "plugin_error")
    assert await doorway.refused("/native/mock/broken") == 502
    assert capsys.readouterr().out.count("plugin mock: broke") == 2


@pytest.mark.parametrize(
    ("path", "passed"), [("", "/"), ("/", "/"), ("//a", "//a"), ("/a%2Fb", "/a/b"), ("/a/", "/a/")]
)
async def test_what_follows_the_exchange_is_the_path(doorway, path, passed):
    url = URL(f"{doorway.rig.base}/native/mock{path}", encoded=True)
    async with doorway.rig.http.get(url) as reply:
        assert await reply.text() == f"GET {passed}"


async def test_head_is_as_get(doorway):
    async with doorway.rig.http.head(f"{doorway.rig.base}/native/mock/a") as reply:
        assert (reply.status, await reply.text()) == (203, "")


async def test_a_socket_without_an_upgrade_is_asked_over_rest(doorway):
    async with doorway.rig.http.get(f"{doorway.rig.base}/native/mock/ws") as reply:
        assert (reply.status, await reply.text()) == (203, "GET /ws")


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ("", {}),
        (
            "streams=btcusdt@kline_1d@+08:00/!miniTicker%40arr",
            {"streams": "btcusdt@kline_1d@+08:00/!miniTicker@arr"},
        ),
        ("a=1&a=2&b=%E5%B8%81&=x&c", {"a": "2", "b": "币", "": "x", "c": ""}),
        ("a=b=c&&d=%zz", {"a": "b=c", "d": "%zz"}),
    ],
)
def test_a_query_is_read_as_the_names_of_streams_are_written(raw, query):
    assert query_of(raw) == query


async def test_a_token_is_needed_where_it_is_needed_at_all(opened, issue):
    text, kept = issue("market:read")
    doorway = await opened(tokens=[kept])
    assert await doorway.refused() == 401
    assert await doorway.refused(Authorization=f"Bearer {text}x") == 401
    async with doorway.rig.http.get(f"{doorway.rig.base}/native/mock/x") as reply:
        assert reply.status == 401
    client = await doorway.client("a", headers={"Authorization": f"Bearer {text}"})
    assert await client.ask("?") == "plain: a"
    async with doorway.rig.http.get(
        f"{doorway.rig.base}/native/mock/x", headers={"Authorization": f"Bearer {text}"}
    ) as reply:
        assert reply.status == 203


async def test_browsers_show_a_token_as_a_subprotocol_which_is_not_sent_back(opened, issue):
    text, kept = issue("market:read")
    doorway = await opened(tokens=[kept])
    client = await doorway.client("a", protocols=("gateway.v1", f"gateway.token.{text}"))
    assert client.ws.protocol == "gateway.v1"
    assert text not in str(client.ws._response.headers)
    alone = await doorway.client("a", protocols=(f"gateway.token.{text}",))
    assert alone.ws.protocol is None


async def test_a_token_without_the_scope_has_no_market_data(opened, issue):
    (text, kept), (_, other) = issue("account:main:read"), issue("market:read")
    doorway = await opened(tokens=[kept, other])
    assert await doorway.refused(Authorization=f"Bearer {text}") == 403


async def test_each_stream_needs_the_scope_too(opened, issue, monkeypatch):
    monkeypatch.setitem(NEEDS, ("GET", NATIVE), Need(None))
    text, kept = issue("account:main:read")
    doorway = await opened(tokens=[kept])
    client = await doorway.client(headers={"Authorization": f"Bearer {text}"})
    assert await client.ask("+a") == "refused +a: forbidden"


async def test_no_token_is_taken_from_a_url(opened, issue):
    text, kept = issue("market:read")
    doorway = await opened(tokens=[kept])
    assert await doorway.refused(f"/native/mock/ws?token={text}") == 400
    assert await doorway.refused(f"/native/mock/ws/{text}") == 400


async def test_pages_and_names_that_are_not_allowed_get_nothing(doorway):
    assert await doorway.refused(Origin="https://evil.example") == 403
    assert await doorway.refused(Host="evil.example") == 403
    async with doorway.rig.http.get(f"{doorway.rig.base}/native/mock/x", headers={"Host": "evil.example"}) as no:
        assert no.status == 403


async def test_an_address_has_as_many_sockets_as_it_may(opened):
    doorway = await opened(sockets=1)
    await doorway.client("a")
    assert await doorway.refused() == 429
