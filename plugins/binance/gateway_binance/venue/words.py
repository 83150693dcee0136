"""What a scenario may have Binance's venue do beside the words of every venue."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.testing.kinds import PERIOD, TEXT, Key, Kind, one_of
from gateway.testing.scenario_files import ScenarioError
from gateway.testing.venue import Venue
from gateway.testing.words import Word
from gateway_binance.venue import plots
from gateway_binance.venue.exchange import BinanceExchange
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.refusals import RefusedError

Values = Mapping[str, Any]


def _decimal(value: Any) -> Decimal:
    """Return the number that ``value`` writes; a number of TOML's own would not be exact."""
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ValueError
    return number


def _choice(*choices: str) -> Kind:
    def made(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return Kind("one of " + ", ".join(choices), made)


AMOUNT: Final = Kind('a number as text, such as "0.5"', _decimal)
SECONDS: Final = Kind("seconds, also below 0", lambda value: float(value) if _is_number(value) else _no())
SIDE: Final = _choice("BUY", "SELL")
TYPE: Final = _choice("LIMIT", "MARKET", "LIMIT_MAKER")
TIF: Final = _choice("GTC", "IOC", "FOK", "GTX")
STATUS: Final = _choice("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "SETTLING", "PENDING_TRADING")
MARKET: Final = one_of(Market)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no() -> Any:
    raise ValueError


def _word(does: str, act: Callable[[BinanceExchange, Values], None], **keys: Key) -> Word:
    def acts(venue: Venue, values: Values) -> None:
        assert isinstance(venue, BinanceExchange)
        try:
            act(venue, values)
        except (LookupError, RefusedError, ValueError) as exc:
            raise ScenarioError(f"a step of the scenario cannot be taken: {exc}") from exc

    return Word(does, acts, keys)


_ACCOUNT: Final = Key(TEXT, "main")
_AT: Final = Key(MARKET, Market.SPOT)
_ORDER: Final = {"account": _ACCOUNT, "market": _AT, "id": Key(TEXT)}

WORDS: Final[Mapping[str, Word]] = {
    "place_order": _word(
        "An account orders, at the best price if it names none; `id` is the client's.",
        plots.place,
        account=_ACCOUNT,
        market=_AT,
        id=Key(TEXT),
        symbol=Key(TEXT),
        side=Key(SIDE),
        quantity=Key(AMOUNT),
        price=Key(AMOUNT, Decimal(0)),
        type=Key(TYPE, None),
        tif=Key(TIF, "GTC"),
    ),
    "fill_order": _word(
        "An order is filled, in part if there is a quantity, at its price if there is none.",
        plots.fill,
        **_ORDER,
        quantity=Key(AMOUNT, None),
        price=Key(AMOUNT, None),
    ),
    "cancel_order": _word("An order is cancelled.", plots.cancel, **_ORDER),
    "expire_order": _word("An order expires.", plots.expire, **_ORDER),
    "transfer": _word(
        "Money comes to an account, or leaves it where the amount is below nought.",
        plots.transfer,
        account=_ACCOUNT,
        market=_AT,
        asset=Key(TEXT),
        amount=Key(AMOUNT),
    ),
    "fund": _word(
        "Funding is paid for a position.",
        plots.fund,
        account=_ACCOUNT,
        market=Key(MARKET, Market.USDM),
        symbol=Key(TEXT),
        rate=Key(AMOUNT, Decimal("0.0001")),
    ),
    "call_margin": _word(
        "A margin call is sent.",
        plots.call_margin,
        account=_ACCOUNT,
        market=Key(MARKET, Market.USDM),
        symbol=Key(TEXT),
    ),
    "liquidate": _word(
        "Somebody's position is closed by force.",
        plots.liquidate,
        market=Key(MARKET, Market.USDM),
        symbol=Key(TEXT),
        side=Key(SIDE, "SELL"),
        quantity=Key(AMOUNT, None),
    ),
    "set_status": _word(
        "A symbol's status changes; one that is not listed yet is from then on.",
        plots.set_status,
        market=_AT,
        symbol=Key(TEXT),
        status=Key(STATUS),
    ),
    "delist": _word("A symbol is gone.", plots.delist, market=_AT, symbol=Key(TEXT)),
    "revoke_key": _word("An account's key is worth nothing any more.", plots.revoke, account=_ACCOUNT),
    "expire_keys": _word("An account's listenKeys are over.", plots.expire_keys, account=_ACCOUNT),
    "end_subscriptions": _word(
        "What an account is sent over WS-API ends, and is said to.", plots.end_subscriptions, account=_ACCOUNT
    ),
    "ban": _word(
        "This address is banned from REST and WS-API, all markets with which the named one shares its limits.",
        plots.ban,
        market=_AT,
        seconds=Key(PERIOD),
    ),
    "shift_clock": _word(
        "The exchange's clock is so much ahead of ours.", plots.shift_clock, seconds=Key(SECONDS)
    ),
}
