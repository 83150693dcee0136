"""What clients ask of a connection of streams: which they want, which they have, and in which form."""

from typing import Any

from gateway_binance.venue import requests
from gateway_binance.venue.requests import Asked
from gateway_binance.venue.sockets import BinanceSocket
from gateway_binance.venue.wishes import Wishes


class Control:
    """
    Answers requests.

    Args:
        wishes: takes what is wanted.
    """

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes

    def answer(self, socket: BinanceSocket, payload: bytes) -> bytes:
        """Return the answer to a request, or its refusal."""
        try:
            asked = requests.read(payload)
            return asked.reply(self._do(socket, asked))
        except requests.RequestError as refused:
            return refused.reply()

    def _do(self, socket: BinanceSocket, asked: Asked) -> Any:
        match asked.method:
            case "SUBSCRIBE":
                self._subscribe(socket, asked)
            case "UNSUBSCRIBE":
                for name in asked.streams():
                    socket.streams.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                return list(socket.streams)
            case "GET_PROPERTY":
                asked.property(1)
                return socket.combined
            case _:
                asked.property(2)
                if not isinstance(asked.params[1], bool):
                    raise asked.refusal("Invalid value type: expected Boolean", requests.WRONG_VALUE)
                socket.combined = asked.params[1]
        return None

    def _subscribe(self, socket: BinanceSocket, asked: Asked) -> None:
        names = asked.streams()
        if len(socket.streams.keys() | set(names)) > socket.rules.most_streams:
            raise asked.refusal("Too many subscriptions", requests.TOO_MANY)
        refusal = self._wishes.take(socket, names)
        if refusal:
            raise asked.refusal(refusal)
