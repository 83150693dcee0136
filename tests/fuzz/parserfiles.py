"""Which files of the product read what others wrote: those that call what takes text or bytes apart."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PLACES: Final = (
    "gateway",
    "plugins/binance/gateway_binance",
    "plugins/mock/gateway_mock",
    "docs/examples/gateway-acme/gateway_acme",
)
READERS: Final = frozenset(
    {
        *("loads", "loads_exact", "Decoder", "convert", "model_validate", "urlsplit", "parse_qs", "URL"),
        *("parsedate_to_datetime", "strptime", "fromisoformat", "b64decode", "ip_address", "reader", "getall"),
        *("fromhex", "from_bytes", "unpack", "load_pem_private_key"),
    }
)
"""Names of functions that read."""
MAPS: Final = frozenset({"query", "headers", "environ", "match_info"})
"""Attributes that hold what a stranger sent, where they are asked for one of it."""


def reading() -> dict[str, set[str]]:
    """Return, for each file that reads, by what."""
    found = {}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            if "tests" not in path.parts and (used := set(_used(ast.parse(path.read_text("utf-8"))))):
                found[path.relative_to(ROOT).as_posix()] = used
    return found


def _used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            is_typed = name == "decode" and (
                isinstance(node.func, ast.Name) or any(one.arg == "type" for one in node.keywords)
            )
            if name in READERS or is_typed:
                yield name
            if name == "get" and isinstance(node.func, ast.Attribute) and _name(node.func.value) in MAPS:
                yield _name(node.func.value)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _name(node.value) in MAPS:
            yield _name(node.value)


def _is_typed(call: ast.Call) -> bool:
    """Whether ``decode`` is msgspec's, and not that of bytes."""
    return isinstance(call.func, ast.Name) or any(one.arg == "type" for one in call.keywords)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
