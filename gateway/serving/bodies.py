"""How a request's body and query are read: as one model, or a problem document says what is wrong."""

from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import hdrs, web

from gateway.serving.documents.describing import JSON
from gateway.serving.problems import ProblemError
from gateway.serving.wording import NEEDED, plain

T = TypeVar("T")
EMPTY: Final = b"{}"
"""What no body stands for."""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body without parameters."""


class Body(Generic[T]):
    """
    Reads bodies.

    Args:
        model: what they must be.
    """

    def __init__(self, model: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(model)

    async def read(self, request: web.Request) -> T:
        """
        Return the body.

        Raises:
            ProblemError: ``unsupported_media_type`` or ``bad_request``.
        """
        if request.content_type != JSON:  # a page in a browser cannot send that without asking first
            raise ProblemError(415, "unsupported_media_type", f"need {hdrs.CONTENT_TYPE}: {JSON}")
        body = await request.read() or EMPTY
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeError) as exc:
            raise ProblemError(400, "bad_request", f"the body: {plain(exc, body)}") from None


def query_of(request: web.Request, model: type[T]) -> T:
    """
    Return the query as ``model``.

    Raises:
        ProblemError: ``bad_request``: something in it is unknown, twice there, or not what is needed.
    """
    query = request.query
    if len(set(query)) < len(query):
        raise ProblemError(400, "bad_request", "the query: a parameter is there twice")
    try:
        return msgspec.convert(dict(query), model, strict=False)
    except msgspec.ValidationError as exc:
        raise ProblemError(400, "bad_request", f"the query: {exc}") from None


def checked(name: str, text: str, model: Any) -> str:
    """
    Return ``text``, the part of a path that is called ``name``, if it is as ``model`` says.

    Raises:
        ProblemError: ``bad_request``.
    """
    try:
        return str(msgspec.convert(text, model))
    except msgspec.ValidationError:
        need = NEEDED.get(name, NEEDED["symbols"])
        raise ProblemError(400, "bad_request", f"{name}: need {need}") from None
