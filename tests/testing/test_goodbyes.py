"""A venue knows which clients said goodbye, over sockets as in memory."""


async def left(client) -> None:
    """Have one client close and one drop its socket; only the first says goodbye."""
    for polite in (True, False):
        transport = await client.dial()
        if polite:
            await transport.close(1001)
        else:
            transport.abort()
        await client.venue.wait_for(lambda: not client.venue.sockets)
    assert [socket.goodbye for socket in client.venue.closed] == [1001, None]


async def test_over_sockets(client) -> None:
    await left(client)


def test_in_memory(in_memory) -> None:
    in_memory(left)
