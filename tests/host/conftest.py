"""What the tests of the host share: a complete plugin, a target, and a place to install distributions into."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway import spi
from gateway.host import PluginHost

INFO = spi.ExchangeInfo(
    spi_version=0,
    environments=("live",),
    endpoints=(
        spi.Endpoint("stream", {"live": "wss://stream.example"}),
        spi.Endpoint("rest", {"live": "https://rest.example"}),
    ),
    channels=(spi.Channel("trades"),),
)
CODE = """
from gateway import spi

class Plugin:
    @spi.hookimpl
    def gateway_exchange_info(self):
        return spi.ExchangeInfo(
            spi_version=0,
            environments=("live",),
            endpoints=(spi.Endpoint("stream", {"live": "wss://stream.example"}),),
            channels=(spi.Channel("trades"),),
        )

    @spi.hookimpl
    def gateway_route(self, subscription):
        return spi.Route("stream", "MODULE." + subscription.symbol)

    @spi.hookimpl
    def gateway_dialect(self):
        return None

plugin = Plugin()
"""


class PlainDialect:
    """Speaks, without saying anything."""

    def stream(self, payload, binary, /):
        return None

    def decode(self, payload, binary, /):
        return ()

    def subscribe(self, streams, /):
        return [spi.Request(frame=one, streams=(one,), op="subscribe", id=one) for one in streams]

    def unsubscribe(self, streams, /):
        return []

    def ping(self, token, /):
        return spi.Ping.WEBSOCKET

    def book(self, stream, /):
        return None


class PlainPlugin:
    """What every plugin must have."""

    @spi.hookimpl
    def gateway_exchange_info(self):
        return INFO

    @spi.hookimpl
    def gateway_route(self, subscription):
        return spi.Route("stream", subscription.symbol)

    @spi.hookimpl
    def gateway_dialect(self):
        return PlainDialect()


@dataclass
class Told:
    """A host's two reports, and its clock."""

    slow: list[tuple[str, str, float]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    now: float = 100.0


@dataclass
class Site:
    """A directory on ``sys.path`` into which distributions are installed as pip would."""

    path: Path

    def install(self, distribution: str, version: str = "1.0", *, files=None, **names: str) -> None:
        """Write ``distribution`` with the entry points ``names`` and the modules ``files``."""
        points = "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in names.items())
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        self.write(distribution, "entry_points.txt", f"[gateway.plugins]\n{points}")
        self.write(distribution, "METADATA", metadata)
        for name, code in (files or {}).items():
            (self.path / f"{name}.py").write_text(code.replace("MODULE", name))

    def write(self, distribution: str, name: str, text: str) -> None:
        """Write one file of the metadata."""
        place = self.path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        place.mkdir(exist_ok=True)
        (place / name).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Nothing else is installed."""
    monkeypatch.setattr(sys, "path", [str(site.path)])
    return site


@pytest.fixture
def code() -> str:
    return CODE


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def host(told: Told) -> PluginHost:
    return PluginHost(
        lambda *report: told.slow.append(report),
        lambda exchange, exc: told.failed.append((exchange, str(exc))),
        lambda: told.now,
    )


@pytest.fixture
def plain() -> type[PlainPlugin]:
    return PlainPlugin


@pytest.fixture
def plain_dialect() -> type[PlainDialect]:
    return PlainDialect


@pytest.fixture
def info() -> spi.ExchangeInfo:
    return INFO


@pytest.fixture
def bound(host: PluginHost) -> Callable[..., SimpleNamespace]:
    """Bind a plugin that has the hooks given as functions of the same names, in place of the plain ones."""

    def bind(exchange: str = "acme", **hooks):
        marked = {name: staticmethod(spi.hookimpl(function)) for name, function in hooks.items()}
        host.register(exchange, type("Made", (PlainPlugin,), marked)())
        return host.bind(exchange)

    return bind


@pytest.fixture
def target() -> spi.Target:
    return spi.Target(
        exchange="acme",
        environment="live",
        endpoint="stream",
        urls={"stream": "wss://operator.example", "rest": "https://rest.example"},
        now=lambda: 0,
        nonce=lambda: 1,
        options={"token": "S3CR3T"},
    )
