"""Pages of metrics, taken apart again by a reader of our own."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

_SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Page:
    """``values`` by name and labels; ``types`` and ``helps`` by name."""

    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[frozenset[tuple[str, str]], float]] = field(default_factory=lambda: defaultdict(dict))

    def value(self, name: str, **labels: str) -> float:
        """Return one sample."""
        return self.values[name][frozenset(labels.items())]

    def total(self, name: str) -> float:
        """Return the sum of all samples of one name."""
        return sum(self.values[name].values())

    @property
    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        """All series."""
        return {(name, labels) for name, series in self.values.items() for labels in series}


def parsed(text: str) -> Page:
    """Take a page apart; whatever is not understood is an error."""
    page = Page()
    told = {"TYPE": page.types, "HELP": page.helps, "UNIT": page.units}
    for line in text.splitlines():
        if line.startswith("# ") and line != "# EOF":
            _, what, name, rest = line.split(" ", 3)
            told[what][name] = rest
        elif line != "# EOF":
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            labels = frozenset(_LABEL.findall(match[2] or ""))
            assert labels not in page.values[match[1]], f"told twice: {line}"
            page.values[match[1]][labels] = float(match[3])
    return page
