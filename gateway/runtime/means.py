"""What an epoch has once its handshake is done, and whom it tells."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.net.transport import Transport
from gateway.runtime.attempt import Ties
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.rest import Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Handed to everything that serves; ``fail`` ends the epoch, ``notice`` tells an observer."""

    number: int
    connection: Connection
    ground: Ground
    judge: Judge
    rest: Rest
    session: Session
    transport: Transport
    writer: Writer
    during: Callable[[str], AbstractContextManager[None]]
    notice: Callable[[str, str], None]
    fail: Callable[[GatewayError], None]
    ties: Ties
