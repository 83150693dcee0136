"""A frame of every kind that the plugins read, composed after the documents, and the notices beside them."""

SPOT = {
    "trade": (
        b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1771000000101,"s":"ETHUSDT","t":1200004,"p":"2512.31",'
        b'"q":"0.10000000","T":1771000000100,"m":true,"M":true}}'
    ),
    "aggTrade": (
        b'{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1771000000100,"s":"ETHUSDT","a":900001,"p":"2512.3",'
        b'"q":"0.4","f":1200001,"l":1200003,"T":1771000000099,"m":false,"M":true}}'
    ),
    "bookTicker": (
        b'{"stream":"ethusdt@bookTicker","data":{"u":5550001,"s":"ETHUSDT","b":"2512.3","B":"4.2","a":"2512.31",'
        b'"A":"1.70000000"}}'
    ),
    "depth": (
        b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1771000001100,"s":"ETHUSDT","U":5550002,'
        b'"u":5550009,"b":[["2512.30","3.9"],["2511.00","0.00000000"]],"a":[["2512.31","0"]]}}'
    ),
    "depth20": (
        b'{"stream":"ethusdt@depth20@100ms","data":{"lastUpdateId":5550001,"bids":[["2512.30","4.2"]],'
        b'"asks":[["2512.31","1.7"]]}}'
    ),
    "ticker": (
        b'{"stream":"ethusdt@ticker","data":{"e":"24hrTicker","E":1771000001000,"s":"ETHUSDT","p":"-32.31",'
        b'"P":"-1.303","w":"2499.1","x":"2479.99","c":"2512.31","Q":"0.1","b":"2512.30","B":"4.2","a":"2512.31",'
        b'"A":"1.7","o":"2480.00","h":"2530.00","l":"2470.10","v":"81230.5","q":"203000111.2","O":1770913601000,'
        b'"C":1771000001000,"F":1100000,"L":1200004,"n":100005}}'
    ),
    "kline": (
        b'{"stream":"ethusdt@kline_1m","data":{"e":"kline","E":1771000002000,"s":"ETHUSDT","k":{"t":1770999960000,'
        b'"T":1771000019999,"s":"ETHUSDT","i":"1m","f":1199000,"L":1200004,"o":"2511.00","c":"2512.31","h":"2513.00",'
        b'"l":"2510.50","v":"310.2","n":1005,"x":false,"q":"779300.1","V":"150.4","Q":"377800.9","B":"0"}}}'
    ),
}
_FUTURES = {
    "trade": (
        '{"stream":"<symbol>@trade","data":{"e":"trade","E":1771000000101,"T":1771000000100,"s":"<SYMBOL>","t":91001,"p":"2513.10",'
        '"q":"5.000","X":"MARKET","m":true,"st":<universe>}}'
    ),
    "no trade": (
        '{"stream":"<symbol>@trade","data":{"e":"trade","E":1771000000101,"T":1771000000100,"s":"<SYMBOL>","t":91002,"p":"0",'
        '"q":"0","X":"NA","m":true,"st":<universe>}}'
    ),
    "aggTrade": (
        '{"stream":"<symbol>@aggTrade","data":{"e":"aggTrade","E":1771000100100,"s":"<SYMBOL>","a":44001,"p":"2513.10","q":"5.000",'
        '"nq":"4.200","f":91001,"l":91004,"T":1771000100050,"m":true,"st":<universe>}}'
    ),
    "bookTicker": (
        '{"stream":"<symbol>@bookTicker","data":{"e":"bookTicker","u":990001,"E":1771000100003,"T":1771000100001,"s":"<SYMBOL>",'
        '"ps":"<PAIR>","b":"2513.10","B":"33.0","a":"2513.11","A":"12.5","st":<universe>}}'
    ),
    "depth": (
        '{"stream":"<symbol>@depth@100ms","data":{"e":"depthUpdate","E":1771000100250,"T":1771000100245,"s":"<SYMBOL>","ps":"<PAIR>",'
        '"U":880010,"u":880030,"pu":880009,"b":[["2513.10","30.1"]],"a":[["2513.20","0"],["2514","7"]],"st":<universe>}}'
    ),
    "old depth": (
        '{"stream":"<symbol>@depth","data":{"e":"depthUpdate","E":1771000100250,"T":1771000100245,"s":"<SYMBOL>","U":880010,'
        '"u":880030,"pu":880009,"b":[["2513.10","30.1"]],"a":[["2513.20","0"]]}}'
    ),
    "depth5": (
        '{"stream":"<symbol>@depth5@100ms","data":{"e":"depthUpdate","E":1771000100250,"T":1771000100245,"s":"<SYMBOL>","ps":"<PAIR>",'
        '"U":880010,"u":880030,"pu":880009,"b":[["2513.10","30.1"]],"a":[["2513.20","1"]],"st":<universe>}}'
    ),
    "ticker": (
        '{"stream":"<symbol>@ticker","data":{"e":"24hrTicker","E":1771000102000,"s":"<SYMBOL>","ps":"<PAIR>","p":"24.69","P":"1.405",'
        '"w":"1782.01","c":"1782.02","Q":"0.003","o":"1757.33","h":"1809.33","l":"1750.45","v":"1678290.411",'
        '"q":"2990736920.72","O":1653728760000,"C":1653815205856,"F":1,"L":2,"n":3,"st":<universe>}}'
    ),
    "kline": (
        '{"stream":"<symbol>@kline_1M","data":{"e":"kline","E":1771000002000,"s":"<SYMBOL>","k":{"t":1770999960000,'
        '"T":1771000019999,"s":"<SYMBOL>","i":"1M","f":1,"L":2,"o":"2511.00","c":"2512.31","h":"2513.00","l":"2510.50",'
        '"v":"310","n":1005,"x":true,"q":"779300.1","V":"150.4","Q":"377800.9","B":"0"},"st":<universe>}}'
    ),
    "continuousKline": (
        '{"stream":"<pair>_perpetual@continuousKline_1m","data":{"e":"continuous_kline","E":1771000100250,"ps":"<PAIR>",'
        '"ct":"PERPETUAL","k":{"t":1771000080000,"T":1771000139999,"i":"1m","f":70010,"L":70990,"o":"2512.0",'
        '"c":"2513.1","h":"2513.4","l":"2511.9","v":"210.5","n":400,"x":false,"q":"528900.1","V":"100.1",'
        '"Q":"251500.0","B":"0"}}}'
    ),
    "markPrice": (
        '{"stream":"<symbol>@markPrice@1s","data":{"e":"markPriceUpdate","E":1771000101000,"s":"<SYMBOL>","p":"2512.98",'
        '"ap":"2512.90","P":"2511.40","i":"2512.70","r":"-0.00010000","T":1771027200000,"st":<universe>}}'
    ),
    "markPrice of a delivery": (
        '{"stream":"<symbol>@markPrice@1s","data":{"e":"markPriceUpdate","E":1771000600000,"s":"<SYMBOL>","p":"65400.0",'
        '"P":"65390.0","i":"65001.2","r":"","T":0,"st":<universe>}}'
    ),
    "forceOrder": (
        '{"stream":"<symbol>@forceOrder","data":{"e":"forceOrder","E":1771000103000,"ps":"<PAIR>","st":<universe>,"o":{"s":"<SYMBOL>",'
        '"S":"SELL","o":"LIMIT","f":"IOC","q":"3.1","p":"2490.00","ap":"2492.10","X":"FILLED","l":"1.0","z":"3.1",'
        '"T":1771000102990}}}'
    ),
}
_COINM = {
    "indexPriceKline": (
        '{"stream":"<pair>@indexPriceKline_5m","data":{"e":"indexPrice_kline","E":1654859807015,"ps":"<PAIR>",'
        '"k":{"t":1654859700000,"T":1654859999999,"s":"0","i":"5m","f":1654859700006,"L":1654859807012,'
        '"o":"29982.50481818","c":"29974.61445455","h":"29983.17390909","l":"29971.63081818","v":"0","n":108,'
        '"x":false,"q":"0","V":"0","Q":"0","B":"0"}}}'
    ),
    "markPriceKline": (
        '{"stream":"<symbol>@markPriceKline_1m","data":{"e":"markPrice_kline","E":1771000600250,"ps":"<PAIR>",'
        '"k":{"t":1771000560000,"T":1771000619999,"s":"<SYMBOL>","i":"1m","f":0,"L":0,"o":"65000","c":"65010.1","h":"65012",'
        '"l":"64999","v":"0","n":58,"x":false,"q":"0","V":"0","Q":"0","B":"0"}}}'
    ),
}


def _of(symbol: str, pair: str, universe: int, composed: dict[str, str]) -> dict[str, bytes]:
    """Return frames with the names of a market."""
    found = {}
    for kind, frame in composed.items():
        named = frame.replace("<symbol>", symbol.lower()).replace("<SYMBOL>", symbol)
        named = named.replace("<pair>", pair.lower()).replace("<PAIR>", pair)
        found[kind] = named.replace("<universe>", str(universe)).encode()
    return found


EXAMPLES = {
    "binance": SPOT,
    "binance-usdm": _of("ETHUSDT", "ETHUSDT", 1, _FUTURES),
    "binance-coinm": _of("BTCUSD_260925", "BTCUSD", 2, _FUTURES | _COINM),
}
"""By the plugin's id and the kind of stream."""
NOTICES = (
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1771000000123}}',
    b'{"result":null,"id":1}',
    b'{"error":{"code":2,"msg":"Invalid request"},"id":1}',
    b'{"code":2,"msg":"Invalid request","id":null}',
)

AGGREGATE = {
    "a": 26129,
    "p": "0.01633102",
    "q": "4.70443515",
    "f": 27781,
    "l": 27784,
    "T": 1498793709153,
    "m": False,
}
"""As "Compressed/Aggregate trades list" shows it over REST."""
