"""How the server listens: with TLS if it is to speak it, and how long a client may take for the handshake."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from gateway.errors import ConfigError

BACKLOG: Final = 1024
log = structlog.get_logger("gateway")

CERT, KEY = "server.tls.cert", "server.tls.key"


class Tls:
    """
    Speaks TLS 1.2 or later with a certificate chain and a private key, both in PEM.

    Args:
        cert: path of the chain.
        key: path of the key, which is not encrypted.

    Raises:
        ConfigError: If one of them cannot be used; the message has nothing of what is in them.
    """

    def __init__(self, cert: str, key: str) -> None:
        self._cert, self._key = cert, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        for name, path in ((CERT, cert), (KEY, key)):
            try:
                Path(path).read_bytes()
            except (OSError, ValueError) as exc:
                raise ConfigError(
                    name, f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}"
                ) from None
        try:
            self._load()
        except (ssl.SSLError, ValueError) as exc:
            why = getattr(exc, "reason", None) or "one of them is not PEM, or the key is encrypted"
            raise ConfigError(CERT, f"{cert} and {key} cannot be used together: {why}") from None

    def renew(self) -> None:
        """Show from now on what is in the files by now; if that cannot be used, go on with what was."""
        try:
            self._load()
        except (OSError, ValueError) as exc:
            log.warning("certificate_not_renewed", text=f"{self._cert}: {type(exc).__name__}")

    def _load(self) -> None:
        self.context.load_cert_chain(self._cert, self._key, password=_no_password)


class Site(web.SockSite):
    """A port that was taken; a client that begins a TLS handshake must end it within ``patience`` seconds."""

    def __init__(
        self, runner: web.AppRunner, taken: socket.socket, tls: ssl.SSLContext | None, patience: float
    ) -> None:
        super().__init__(runner, taken, ssl_context=tls, backlog=BACKLOG)
        self._patience = patience

    async def start(self) -> None:
        """Accept."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        self._server = await asyncio.get_running_loop().create_server(
            server,
            sock=self._sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=None if self._ssl_context is None else self._patience,
        )


def _no_password() -> str:
    """Nobody is asked at a terminal: an encrypted key is refused."""
    return ""
