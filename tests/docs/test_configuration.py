"""docs/configuration.md lists every key with its default; what it shows is accepted or refused as it says."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.app import check
from gateway.config import EndpointSettings, Settings, load
from gateway.config.changes import LIVE
from gateway.config.effective import PENDING
from gateway.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text()
KEYS = dict(re.findall(r"^\| `([a-z_.<>\[\]]+)` \| (.+?) \|", PAGE, re.MULTILINE))
ROWS = re.findall(r"^\| `(GATEWAY_[^`]+)` \| `([^|]+)` \|$", PAGE, re.MULTILINE)


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the table that a field holds, maybe as an optional, a list's or a mapping's value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_of(part))), None)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key with its default as the page writes it."""
    for name, field in model.model_fields.items():
        inner = model_of(field.annotation)
        marks = {Mapping: ".<id>", tuple: "[]"} if inner or name == "options" else {}
        key = f"{prefix}{name}{marks.get(get_origin(field.annotation), '')}"
        if inner is None:
            yield key, default_of(field)
            continue
        if type(None) in get_args(field.annotation):
            yield key, "none"
        yield from keys(inner, f"{key}.")
    if model is EndpointSettings:
        yield f"{prefix}<name>", "the plugin's"


def default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_key_stands_there_with_its_default():
    assert dict(keys(Settings)) == KEYS


def test_it_says_which_keys_have_no_effect_yet():
    rows = re.findall(r"^\| `([a-z_.<>\[\]]+)` \|.*\*Not yet\* \|$", PAGE, re.MULTILINE)
    assert {key.replace("<id>", "*") for key in rows} == PENDING


def tables() -> list[tuple[str, str]]:
    pages = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
    found = (
        (page, block)
        for page in pages
        for block in re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    )
    return [(f"{page.relative_to(DOCS.parent)}:{number}", block) for number, (page, block) in enumerate(found)]


@pytest.mark.parametrize("block", [pytest.param(block, id=name) for name, block in tables()])
def test_every_table_that_is_shown_can_be_loaded(block, tmp_path):
    others = ("[project.entry-points", "[[steps]]", "spot = {")  # a package's, a venue's scenario and accounts
    if any(mark in block for mark in others):
        tomllib.loads(block)
        return
    file = tmp_path / "gateway.toml"
    file.write_text(block)
    assert load(file, {}, {}).model_fields_set


def test_the_shown_variables_mean_what_is_said():
    [block] = re.findall(r"^```sh\n(GATEWAY.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    settings = load(None, dict(line.split("=", 1) for line in shlex.split(block)), {})
    assert settings.server.listen == "127.0.0.1:9000"
    assert settings.exchanges["binance-usdm"].heartbeat_interval == 5
    assert settings.plugins.allow == ("binance", "binance-usdm")
    assert settings.subscriptions[0].symbols == ("BTC-USDT-PERP",)


@pytest.mark.parametrize(("written", "told"), ROWS)
def test_a_mistake_is_told_in_these_words(written, told):
    name, value = written.split("=", 1)
    with pytest.raises(ConfigError) as wrong:
        check(load(None, {name: value}, {}))
    assert str(wrong.value) == told


def test_there_are_mistakes_to_tell():
    assert len(ROWS) >= 3


def test_it_says_which_keys_take_effect_while_the_gateway_runs():
    rows = re.findall(r"^\| `([a-z_.<>\[\]]+)` \|.*\*Live\* \|$", PAGE, re.MULTILINE)
    told = {re.sub(r"^subscriptions\[\]\..*", "subscriptions", key).replace("<id>", "*") for key in rows}
    assert told | {"accounts.*"} == LIVE, "accounts as such have no row"
    subscriptions = [key for key in KEYS if key.startswith("subscriptions[]")]
    assert [key for key in rows if key.startswith("subscriptions[]")] == subscriptions
