"""docs/binance.md as tests read it."""

from pathlib import Path

from gateway_binance import coinm, spot, usdm

PAGE = (Path(__file__).parents[3] / "docs/binance.md").read_text()
PLUGINS = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}


def rows(before: str) -> list[list[str]]:
    """Return the cells of the table after ``before``, without its head."""
    lines = PAGE.partition(before)[2].lstrip().splitlines()
    table = lines[: next(at for at, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table[2:]]
