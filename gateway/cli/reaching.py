"""How a command reaches a running gateway: its address, a token, whom to believe, and what is said if it fails."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.errors import ConfigError, SubscriptionError, TransportLost, UpgradeRefused

if TYPE_CHECKING:
    from gateway.config.credentials import Secret

UNAUTHORIZED: Final = 4501
"""What a gateway closes with when a token is revoked or expires."""
URL: Final = "ws://127.0.0.1:8765"
TOKEN: Final = "GATEWAY_TOKEN"  # noqa: S105  # where it is
WHY: Final = {
    401: "it wants a token that is good: set GATEWAY_TOKEN, or name a file with --token-file; "
    "'gateway token list' says which are",
    403: "it does not let us in",
    404: "nothing of a gateway is at that path; say with --url where one is",
}
SCHEMES: Final = ("ws://", "wss://", "http://", "https://")
_USER: Final = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)

Topics = Annotated[list[str], typer.Argument(metavar="TOPIC...", help="e.g. mock:trades:BTC-USDT")]
Url = Annotated[str, typer.Option("--url", help="The gateway.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="Where the token is; default: in $GATEWAY_TOKEN.")
]
CaFile = Annotated[
    Path | None, typer.Option("--ca-file", help="Authorities to trust instead of the system's, PEM.")
]


def check(url: str, topics: Sequence[str]) -> None:
    """
    See that the address and the topics are some.

    Raises:
        ConfigError: If one is not.
    """
    from gateway.model.subscriptions import parse_topic  # noqa: PLC0415  # --help is quick without it

    check_url(url)
    for topic in topics:
        try:
            parse_topic(topic)
        except ValueError as exc:
            raise ConfigError("TOPIC", str(exc)) from None


def check_url(url: str) -> None:
    """
    See that the address is one.

    Raises:
        ConfigError: If it is not.
    """
    if not url.startswith(SCHEMES):
        raise ConfigError("--url", f"must begin with one of {', '.join(SCHEMES)}, got {shown(url)!r}")


def credentials(token_file: Path | None, ca_file: Path | None) -> dict[str, Any]:
    """
    Return what a client is given beside the address.

    Raises:
        ConfigError: If the token cannot be had.
    """
    token = _token(token_file)
    given: dict[str, Any] = {} if token is None else {"token": token}
    if ca_file is not None:
        given["ca_file"] = str(ca_file)
    return given


def _token(file: Path | None) -> "Secret | None":
    """Return the token; never from the command line, which every user of the machine can see."""
    from gateway.config import resolve  # noqa: PLC0415  # --help is quick without it

    if file is not None:
        return resolve(f"file:{file}", os.environ, key="--token-file")
    return resolve(f"env:{TOKEN}", os.environ, key=TOKEN) if os.environ.get(TOKEN) else None


@contextmanager
def told_in_a_sentence(url: str) -> Iterator[None]:
    """Have whatever keeps us from the gateway at ``url`` told in one sentence that says what to do."""
    try:
        yield
    except BrokenPipeError:
        raise  # our reader has left; the gateway is there
    except UpgradeRefused as refused:
        why = WHY.get(refused.status, str(refused))
        raise TransportLost(f"the gateway at {shown(url)} will not serve us: {why}") from None
    except SubscriptionError as refused:
        if refused.code == "unauthorized":
            raise SubscriptionError(
                refused.code, f"the gateway at {shown(url)} will not serve us: {WHY[401]}"
            ) from None
        raise
    except (OSError, TransportLost) as exc:
        if isinstance(exc, TransportLost) and exc.code is not None:
            left = "serves us no longer" if exc.code == UNAUTHORIZED else "has left us"
            raise TransportLost(f"the gateway at {shown(url)} {left}: {exc}") from None
        hint = "start one with 'gateway serve', or say with --url where it is"
        raise TransportLost(f"no gateway at {shown(url)} ({_why(exc).replace(url, shown(url))}); {hint}") from None


def _why(exc: OSError | TransportLost) -> str:
    """Return what is wrong, in our words; the library's are for its authors."""
    from gateway.net.faults import fault_of  # noqa: PLC0415  # --help is quick without it

    is_systems = isinstance(exc, OSError) and exc.errno is not None
    return str(fault_of(exc) if is_systems else exc)


def shown(url: str) -> str:
    """Return ``url`` without what may be a secret: user, password and query."""
    return _USER.sub(r"\1", url).partition("?")[0].partition("#")[0]
