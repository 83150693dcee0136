"""
What the core answers where a plugin has no opinion: a plugin itself, asked last.

There is no default for what only the plugin can know: what the exchange is, how
its streams are called and what its frames mean.
"""

from collections.abc import Sequence

from gateway.engine.liveness import DEFAULT_HEARTBEAT
from gateway.engine.retry import usual_verdict
from gateway.errors import ConnectionFault
from gateway.spi.contract import Handshake, Request, Session, Target, Verdict
from gateway.spi.dialect import Dialect
from gateway.spi.hookspecs import hookimpl
from gateway.spi.steps import Open


@hookimpl(trylast=True)
def gateway_handshake(target: Target) -> Handshake:
    """Open the endpoint's URL and log nobody in. The dial is paid for from no limit: its name is the plugin's."""
    yield Open(target.urls[target.endpoint])
    return Session()


@hookimpl(trylast=True)
def gateway_heartbeat_interval() -> float:
    """Ping at the default pace."""
    return DEFAULT_HEARTBEAT


@hookimpl(trylast=True)
def gateway_restore_subscriptions(dialect: Dialect, streams: Sequence[str]) -> Sequence[Request]:
    """Ask for everything again."""
    return dialect.subscribe(streams)


@hookimpl(trylast=True)
def gateway_classify(fault: ConnectionFault) -> Verdict:
    """Judge as HTTP statuses and faults are usually meant."""
    return usual_verdict(fault)
