"""What an operator may set under ``[plugins.options.<id>]``."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from gateway_binance.categories import Category


class SpotOptions(BaseModel):
    """
    Of the spot market.

    ``time_unit`` is what the exchange is asked to write its times in. Microseconds
    show more; the documents promise them for the spot market alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_unit: Literal["millisecond", "microsecond"] = "millisecond"


class UsdmOptions(BaseModel):
    """
    Of USD-M futures.

    ``categories`` says by which connections kinds of streams come, where that is
    not as the plugin has it: ``trade = "market"``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: Mapping[str, Category] = {}
