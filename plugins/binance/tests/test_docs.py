"""docs/binance.md says what the plugins declare, route and conclude: no more, no less."""

import re
from typing import Any

import pytest
from binance_page import PLUGINS, rows

from gateway import spi
from gateway_binance.categories import category_of
from gateway_binance.options import SpotOptions, UsdmOptions
from gateway_binance.streams import COINM_STREAMS, SPOT_STREAMS, USDM_STREAMS
from gateway_binance.verdicts import MEANINGS, Refusal, judge

INTERVALS = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
CONTRACTS = ("perpetual", "current-quarter", "next-quarter", "tradifi-perpetual")


def told_streams() -> dict[str, dict[tuple[str, str | None], str]]:
    """Return each market's streams by channel and variant, with the category where there are some."""
    found: dict[str, dict[tuple[str, str | None], str]] = {"spot": {}, "usdm": {}, "coinm": {}}
    for channel, variants, stream, *offered in rows("<!-- streams: compared with gateway_binance.streams -->"):
        for variant, name in spelled(variants, stream):
            for market, cell in zip(found, offered, strict=True):
                if cell and not (market == "usdm" and variant == "1s"):
                    wish = channel, variant
                    found[market][wish] = f"{cell} {name}" if market == "usdm" else name
    return found


def spelled(variants: str, stream: str) -> list[tuple[str | None, str]]:
    """Spell a row out: each variant, and its stream's name."""
    stream = stream.replace("<s>", "{symbol}").replace("<p>", "{pair}")
    found: list[tuple[str | None, str]] = []
    for variant in re.findall(r"[\w<>-]+", variants) or [""]:
        name = None if variant in {"", "none"} else variant
        depth = variant.removeprefix("top")
        contract = variant.removesuffix("-<i>").replace("-", "_")
        whole = stream.replace("<n>", depth).replace("<contract>", contract)
        if name is None or "<i>" not in name:
            found.append((name, whole))
            continue
        more = ["1s"] if variant == "<i>" or variant.removesuffix("-<i>") in CONTRACTS else []
        found += [(name.replace("<i>", one), whole.replace("<i>", one)) for one in [*more, *INTERVALS]]
    return found


def test_the_streams_are_those_that_are_asked_for() -> None:
    told = told_streams()
    assert told["spot"] == dict(SPOT_STREAMS)
    assert told["usdm"] == {
        wish: f"{category_of(stream.replace('{symbol}', 's').replace('{pair}', 'p'), {})} {stream}"
        for wish, stream in USDM_STREAMS.items()
    }
    without = {wish: stream for wish, stream in told["coinm"].items() if wish != ("candles", "1s")}
    assert without == dict(COINM_STREAMS)


def test_the_hosts_are_those_that_are_dialled() -> None:
    told = rows("<!-- environments: compared with what the plugins declare -->")
    assert told == [
        [exchange, environment, endpoint.name, endpoint.urls[environment]]
        for exchange, plugin in PLUGINS.items()
        for environment in plugin.gateway_exchange_info().environments
        for endpoint in plugin.gateway_exchange_info().endpoints
        if endpoint.name in {"stream", "public", "market", "rest"}
    ]


def test_the_limits_are_those_that_hold() -> None:
    told = {
        name: (much, whose)
        for name, much, whose, _ in rows("<!-- limits: compared with what the plugins declare -->")
    }
    public = [limit for plugin in PLUGINS.values() for limit in plugin.gateway_exchange_info().limits]
    for limit in {limit.name: limit for limit in public if limit.name in told}.values():
        much, whose = told.pop(limit.name)
        assert much == f"{limit.count} in {limit.per:g} s"
        assert whose.startswith("a connection's" if limit.scope is spi.Scope.CONNECTION else "the address's")
        assert ("pings and pongs" in whose) == limit.counts_control_frames
        assert limit.usage_header is None or limit.usage_header in whose
    assert not told


def test_every_code_that_is_judged_is_told() -> None:
    table = rows("What a refusal means:")
    codes = set[int]()
    for cell, *_ in table:
        for first, last in re.findall(r"-(\d{4})(?: to -(\d{4}))?", cell):
            codes |= {-code for code in range(int(first), int(last or first) + 1)}
    assert codes == {*MEANINGS, -1003}


@pytest.mark.parametrize(
    ("status", "words"),
    [(429, "quiet until"), (418, "ban"), (403, "five minutes"), (451, "gives the endpoint up")],
)
def test_every_status_that_is_judged_is_told(status: int, words: str) -> None:
    (meaning,) = [row[1] for row in rows("What a refusal means:") if row[0].startswith(str(status))]
    assert words in meaning
    assert judge(Refusal(status, 0)) is not None


@pytest.mark.parametrize(("exchange", "model"), [("binance", SpotOptions), ("binance-usdm", UsdmOptions)])
def test_an_option_of_public_data_is_told_with_its_default(exchange: str, model: Any) -> None:
    told = {key: default for key, default, _ in rows("## Options")}
    for name in {"time_unit", "categories"} & model.model_fields.keys():
        default = model.model_fields[name].default
        assert told[f"plugins.options.{exchange}.{name}"] == (default or "none")
