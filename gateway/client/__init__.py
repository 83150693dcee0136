"""The gateway's own client: what a Python program needs to subscribe to topics."""

from gateway.client.connection import Client, connect

__all__ = ["Client", "connect"]
