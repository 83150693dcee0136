"""The gateway's own client: what a Python program needs to subscribe to topics."""

from gateway.client.blocking import BlockingClient, follow
from gateway.client.connection import Client, connect
from gateway.client.following import Following
from gateway.client.typed import records

__all__ = ["BlockingClient", "Client", "Following", "connect", "follow", "records"]
