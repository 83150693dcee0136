"""REST replies that are late, missing, broken off or no JSON, over a wire and through memory."""

import asyncio

import pytest

from gateway.errors import ConnectionFault, Reason, TransportLost
from gateway.spi.steps import Fetch
from gateway.testing.bodies import EVERY, INSTEAD
from gateway.testing.faults import Refusal
from gateway.testing.listener import PATIENCE
from gateway.testing.ways import Body

WHOLE = b'{"body":"hello","path":"/echo"}'


async def fetched(client):
    return await client.network.fetch(Fetch("POST", f"{client.urls['rest']}/echo", body=b"hello"))


async def replaced(client, how) -> None:
    client.venue.faults.bend_replies.arm(how, 1)
    reply = await fetched(client)
    assert (reply.status, reply.body) == (200, INSTEAD[how])
    with pytest.raises(ValueError):
        reply.json()


async def cut(client, how) -> None:
    client.venue.faults.bend_replies.arm(how, 1)
    with pytest.raises(TransportLost) as caught:
        await fetched(client)
    assert caught.value.reason is Reason.CLOSED_BY_PEER


async def in_vain(client) -> None:
    """Ask, and give up once the venue has had some time for it: on a busy machine it may be asked late."""
    asked = client.venue.counts.requests
    asking = asyncio.create_task(fetched(client))
    await client.venue.wait_for(lambda: client.venue.counts.requests > asked)
    done, _ = await asyncio.wait((asking,), timeout=0.3)
    assert not done
    asking.cancel()
    await asyncio.wait((asking,))


async def halved(client, how) -> None:
    client.venue.faults.bend_replies.arm(how, 1)
    await in_vain(client)


async def slow(client, how) -> None:
    client.venue.faults.bend_replies.arm(how, 1)
    began = asyncio.get_running_loop().time()
    assert (await fetched(client)).body == WHOLE
    assert asyncio.get_running_loop().time() - began >= EVERY * (len(WHOLE) - 1) * 0.9


async def hung(client, _) -> None:
    client.venue.faults.hang_requests.arm(1)
    await in_vain(client)


async def late(client, _) -> None:
    client.venue.faults.reply_delay = 0.2
    began = asyncio.get_running_loop().time()
    assert (await fetched(client)).body == WHOLE
    assert asyncio.get_running_loop().time() - began >= 0.2


async def refused_and_bent(client, _) -> None:
    client.venue.faults.refuse_requests.arm(Refusal(503, {"Retry-After": "5"}, b'{"code":1}'), 1)
    client.venue.faults.bend_replies.arm(Body.PAGE, 1)
    reply = await fetched(client)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "5", INSTEAD[Body.PAGE])


CASES = [
    *((replaced, how) for how in INSTEAD),
    *((cut, Body.CUT), (halved, Body.HALF), (slow, Body.SLOW)),
    *((one, None) for one in (hung, late, refused_and_bent)),
]


def named(case) -> str:
    return case.__name__ if callable(case) else getattr(case, "name", "")


async def then_all_is_well(client, scenario, how) -> None:
    await scenario(client, how)
    assert (await fetched(client)).body == WHOLE


@pytest.mark.parametrize(("scenario", "how"), CASES, ids=named)
async def test_a_reply_over_a_wire(client, scenario, how):
    await then_all_is_well(client, scenario, how)


@pytest.mark.parametrize(("scenario", "how"), CASES, ids=named)
def test_a_reply_in_memory(in_memory, scenario, how):
    in_memory(lambda client: then_all_is_well(client, scenario, how))


def test_every_way_is_tried():
    assert {how for _, how in CASES} - {None} == set(Body)


async def test_a_body_that_never_comes_does_not_hold_up_the_end(acme, client):
    acme.faults.bend_replies.arm(Body.HALF, 1)
    asking = asyncio.create_task(fetched(client))
    await acme.wait_for(lambda: acme.requests)
    began = asyncio.get_running_loop().time()
    await acme.stop()
    assert asyncio.get_running_loop().time() - began < PATIENCE
    with pytest.raises(ConnectionFault):
        await asking
