"""
What an account asks of futures about itself: balances, margin, positions, and how they are set up.

After USD-M's and COIN-M's account documents, 2026-08.
"""

from collections.abc import Iterator
from typing import Any, Final

from gateway_binance.venue.calls.call import Call, Caller, Security
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.futures_desk import FuturesDesk
from gateway_binance.venue.private.orders import ZERO
from gateway_binance.venue.private.positions import Position
from gateway_binance.venue.private.updates import plain
from gateway_binance.venue.refusals import RefusedError

_SIGNED: Final = Security.SIGNED
_MOST_LEVERAGE: Final = 125
_ALIAS: Final = "SfsR"


class FuturesAccount:
    """
    The answers.

    Args:
        desk: whose wallets and positions they tell.
        start: with what the paths begin, such as ``/fapi``.
    """

    def __init__(self, desk: FuturesDesk, start: str) -> None:
        self._desk = desk
        self._start = start
        self._is_coinm = desk.source.market is Market.COINM

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be asked; what has several versions is the same in all of them."""
        start = self._start
        versions = ("v1",) if self._is_coinm else ("v2", "v3")
        for number, version in enumerate(versions):
            ahead = "" if not number else "v2/"
            yield Call(f"GET {start}/{version}/balance", self._balances, 5, _SIGNED, f"{ahead}account.balance")
            yield Call(f"GET {start}/{version}/account", self._account, 5, _SIGNED, f"{ahead}account.status")
            yield Call(
                f"GET {start}/{version}/positionRisk", self._positions, 5, _SIGNED, f"{ahead}account.position"
            )
        yield Call(f"POST {start}/v1/leverage", self._lever, 1, _SIGNED)
        yield Call(f"GET {start}/v1/positionSide/dual", lambda _: {"dualSidePosition": False}, 30, _SIGNED)
        yield Call(f"POST {start}/v1/positionSide/dual", self._set_dual, 1, _SIGNED)
        yield Call(f"GET {start}/v1/multiAssetsMargin", lambda _: {"multiAssetsMargin": False}, 30, _SIGNED)
        yield Call(f"GET {start}/v1/symbolConfig", self._configs, 5, _SIGNED)
        yield Call(f"GET {start}/v1/accountConfig", lambda _: _config(), 5, _SIGNED)
        yield Call(f"GET {start}/v1/commissionRate", self._commission, 20, _SIGNED)
        yield Call(f"GET {start}/v1/leverageBracket", self._brackets, 1, _SIGNED)
        if self._is_coinm:
            yield Call(f"GET {start}/v2/leverageBracket", self._brackets, 1, _SIGNED)
        yield Call(f"GET {start}/v1/income", lambda _: [], 30, _SIGNED)

    # --- what it has

    def _balances(self, caller: Caller) -> list[Any]:
        return [self._asset(caller.known.name, asset) for asset in self._desk.wallets[caller.known.name]]

    def _asset(self, name: str, asset: str) -> dict[str, Any]:
        wallet, held = self._desk.wallets[name][asset], self._desk.unrealized(name, asset)
        available = plain(self._desk.available(name, asset))
        money = {"balance": plain(wallet), "crossWalletBalance": plain(wallet), "crossUnPnl": plain(held)}
        most = {"availableBalance": available, "maxWithdrawAmount": available, "withdrawAvailable": available}
        if not self._is_coinm:
            del most["withdrawAvailable"]
        end = {"marginAvailable": True, "updateTime": self._desk.now()}
        return {"accountAlias": _ALIAS, "asset": asset, **money, **most, **end}

    def _account(self, caller: Caller) -> dict[str, Any]:
        name = caller.known.name
        assets = [self._margin(name, asset) for asset in self._desk.wallets[name]]
        positions = [self._held(name, one) for one in self._known(name)]
        head = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": False, "updateTime": 0}
        if self._is_coinm:
            return {**head, "assets": assets, "positions": positions}
        first = assets[0] if assets else {}
        totals = {f"total{key[0].upper()}{key[1:]}": value for key, value in first.items() if key in _TOTALS}
        free = {"availableBalance": first.get("availableBalance", "0"), "maxWithdrawAmount": "0"}
        return {**head, "multiAssetsMargin": False, **totals, **free, "assets": assets, "positions": positions}

    def _margin(self, name: str, asset: str) -> dict[str, Any]:
        wallet, held = self._desk.wallets[name][asset], self._desk.unrealized(name, asset)
        used, available = plain(self._desk.used(name, asset)), plain(self._desk.available(name, asset))
        return {
            "asset": asset,
            "walletBalance": plain(wallet),
            "unrealizedProfit": plain(held),
            "marginBalance": plain(wallet + held),
            "maintMargin": "0",
            "initialMargin": used,
            "positionInitialMargin": used,
            "openOrderInitialMargin": "0",
            "crossWalletBalance": plain(wallet),
            "crossUnPnl": plain(held),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": self._desk.now(),
        }

    # --- what it holds

    def _known(self, name: str) -> list[Listed]:
        """Return the symbols of which there is, or was, a position."""
        return [self._desk.listed(symbol) for symbol in self._desk.positions[name]]

    def _positions(self, caller: Caller) -> list[Any]:
        symbol, pair = caller.params.get("symbol"), caller.params.get("pair")
        known = self._known(caller.known.name)
        if symbol is not None and symbol not in {one.symbol for one in known}:
            known.append(self._desk.listed(symbol))
        return [
            self._held(caller.known.name, one)
            for one in known
            if symbol in {None, one.symbol} and pair in {None, one.pair}
        ]

    def _held(self, name: str, one: Listed) -> dict[str, Any]:
        held, mark = self._desk.positions[name].get(one.symbol, Position()), self._desk.mark(one.symbol)
        gain = plain(held.unrealized(one, mark))
        value = one.worth(mark, abs(held.amount)) if mark else ZERO
        margin = plain(value / held.leverage)
        return {
            "symbol": one.symbol,
            "positionAmt": one.amount(held.amount),
            "entryPrice": plain(held.entry),
            "breakEvenPrice": plain(held.entry),
            "markPrice": plain(mark),
            "unRealizedProfit": gain,
            "unrealizedProfit": gain,
            "liquidationPrice": "0",
            "leverage": str(held.leverage),
            "maxNotionalValue": "1000000",
            "maxQty": "1000000",
            "marginType": held.margin,
            "isolated": False,
            "isolatedMargin": "0",
            "isAutoAddMargin": "false",
            "positionSide": "BOTH",
            "notional": plain(value),
            "notionalValue": plain(value),
            "isolatedWallet": "0",
            "initialMargin": margin,
            "maintMargin": "0",
            "positionInitialMargin": margin,
            "openOrderInitialMargin": "0",
            "marginAsset": one.margin,
            "adl": 0,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": held.changed_at,
        }

    # --- how it is set up

    def _lever(self, caller: Caller) -> dict[str, Any]:
        one = self._desk.listed(caller.params.need("symbol"))
        caller.params.need("leverage")
        leverage = caller.params.whole("leverage", 0)
        if not 1 <= leverage <= _MOST_LEVERAGE:
            raise RefusedError(-4028, f"Leverage {leverage} is not valid")
        self._desk.lever(caller.known.name, one.symbol, leverage)
        return {"symbol": one.symbol, "leverage": leverage, "maxNotionalValue": "1000000"}

    def _set_dual(self, caller: Caller) -> dict[str, Any]:
        if caller.params.flag("dualSidePosition"):
            raise RefusedError(-4067, "Position side cannot be changed if there exists open orders.")
        raise RefusedError(-4059, "No need to change position side.")

    def _configs(self, caller: Caller) -> list[Any]:
        held = self._desk.positions[caller.known.name]
        names = [self._desk.listed(caller.params["symbol"]).symbol] if "symbol" in caller.params else list(held)
        return [
            {
                "symbol": name,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": held.get(name, Position()).leverage,
                "maxNotionalValue": "1000000",
            }
            for name in names
        ]

    def _commission(self, caller: Caller) -> dict[str, Any]:
        symbol = self._desk.listed(caller.params.need("symbol")).symbol
        return {"symbol": symbol, "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}

    def _brackets(self, caller: Caller) -> list[Any]:
        only = caller.params.get("symbol")
        bracket = {
            "bracket": 1,
            "initialLeverage": _MOST_LEVERAGE,
            "notionalCap": 1_000_000,
            "notionalFloor": 0,
            "qtyCap": 1_000_000,
            "qtyFloor": 0,
            "maintMarginRatio": 0.004,
            "cum": 0.0,
        }
        listed = self._desk.source.listed.values()
        return [
            {"symbol": one.symbol, "pair": one.pair, "brackets": [bracket]}
            for one in listed
            if only in {None, one.symbol}
        ]


_TOTALS: Final = frozenset(
    {
        *("initialMargin", "maintMargin", "walletBalance", "unrealizedProfit", "marginBalance"),
        *("positionInitialMargin", "openOrderInitialMargin", "crossWalletBalance", "crossUnPnl"),
    }
)


def _config() -> dict[str, Any]:
    """Return what an account may do; its key may do less."""
    able = {"canTrade": True, "canDeposit": True, "canWithdraw": True}
    return {"feeTier": 0, **able, "dualSidePosition": False, "multiAssetsMargin": False, "updateTime": 0}
