"""What an operator may set under ``[plugins.options.<id>]``."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from gateway import spi
from gateway_binance.categories import Category


class SpotOptions(BaseModel):
    """
    Of the spot market.

    ``time_unit`` is what the exchange is asked to write its times in. Microseconds
    show more; the documents promise them for the spot market alone.
    ``session_logon`` are accounts that log on before they subscribe, which needs an
    Ed25519 key. ``cross_margin`` are accounts whose cross margin is meant, not
    their spot wallet; ``isolated_margin`` are those whose isolated margin is, with
    the exchange's own symbol of each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_unit: Literal["millisecond", "microsecond"] = "millisecond"
    session_logon: tuple[str, ...] = ()
    cross_margin: tuple[str, ...] = ()
    isolated_margin: Mapping[str, str] = {}


def spot_options(target: spi.Target) -> SpotOptions:
    """Return the operator's options of the spot market, or those that hold without any."""
    return target.options if isinstance(target.options, SpotOptions) else SpotOptions()


def in_microseconds(target: spi.Target) -> bool:
    """Whether the spot market is asked to write its times so."""
    return spot_options(target).time_unit == "microsecond"


class UsdmOptions(BaseModel):
    """
    Of USD-M futures.

    ``categories`` says by which connections kinds of streams come, where that is
    not as the plugin has it: ``trade = "market"``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: Mapping[str, Category] = {}
