"""What of a configuration is for the process that serves: who may come, how much they may ask, and the log."""

from gateway.app.exposure import check_still
from gateway.config import LimitSettings, Settings
from gateway.serving import Limits, Server
from gateway.telemetry import setup_logs


class ServingProcess:
    """
    A :class:`~gateway.app.configuration.Process`.

    Args:
        server: whose visitors are meant.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    @staticmethod
    def check(settings: Settings) -> None:
        """See :meth:`gateway.app.configuration.Process.check`."""
        check_still(settings)

    def change(self, before: Settings, after: Settings) -> None:
        """See :meth:`gateway.app.configuration.Process.change`."""
        if before.server != after.server:
            self._server.admit(
                allowed_hosts=after.server.allowed_hosts,
                allowed_origins=after.server.allowed_origins,
                limits=limits_of(after.server.limits),
            )
        if after.server.tls is not None:
            self._server.renew_tls()
        if before.log != after.log:
            setup_logs(after.log.level, after.log.format)


def limits_of(settings: LimitSettings) -> Limits:
    """Return what each client may have, as the server takes it."""
    return Limits(
        topics=settings.topics,
        sockets=settings.sockets,
        commands_per_second=settings.commands_per_second,
        commands_burst=settings.burst,
    )
