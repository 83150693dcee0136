"""How the exchange refuses a request, whichever way it came."""

from typing import Any, Final

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401


class RefusedError(Exception):
    """
    A request is refused.

    Args:
        code: the exchange's code.
        text: the exchange's words.
        status: of the reply; WS-API has the same.
        until: when to come again, in milliseconds since 1970, for those who came too often.
    """

    def __init__(self, code: int, text: str, status: int = BAD_REQUEST, until: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.until = until

    @property
    def body(self) -> dict[str, Any]:
        """What is said of it."""
        return {"code": self.code, "msg": self.text}


def missing(name: str) -> RefusedError:
    """Return the refusal of a request that lacks a parameter."""
    return RefusedError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> RefusedError:
    """Return the refusal of a parameter that is none."""
    return RefusedError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
