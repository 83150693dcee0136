"""How a wrong configuration is told: one sentence, the key in full, and never a value that could be a secret."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.settings import MOST, Settings
from gateway.errors import ConfigError

Location = tuple[int | str, ...]

LONGEST: Final = 60
_COUNT: Final = f"need a whole number from 1 to {MOST}"
_SHAPES: Final = {
    "tuple_type": "need a list",
    "dict_type": "need a table",
    "mapping_type": "need a table",
    "model_type": "need a table",
}
_VALUES: Final = {
    "string_type": "need text",
    "bool_type": "need true or false",
    "int_type": _COUNT,
    "greater_than_equal": _COUNT,
    "less_than_equal": _COUNT,
}
_KINDS: Final[Sequence[tuple[type, str]]] = (
    (str, "text"),
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (Mapping, "a table"),
    (Sequence, "a list"),
)


def explain(wrong: ValidationError) -> ConfigError:
    """Return the first of what is wrong, an unknown key before all else: it is why others are missing."""
    errors = wrong.errors(include_url=False)
    error = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    location = tuple(part for part in error["loc"] if part != "[key]")
    return ConfigError(dotted(location), _problem(error, location))


def dotted(location: Location) -> str:
    """Return the key as a reader would look for it: ``subscriptions[0].symbols``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that helps whoever wrote ``word``."""
    names = list(known)
    inside = [name for name in names if name.endswith(f".{word}")]
    if near := inside or difflib.get_close_matches(word, names, n=1, cutoff=0.5):
        return f"; did you mean '{near[0]}'?"
    here = [name for name in names if "." not in name] or names
    return f"; known are {', '.join(here)}" if names else "; none is known"


def _problem(error: ErrorDetails, location: Location) -> str:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return "unknown key" + suggest(str(location[-1]), _known(location))
    if kind == "missing":
        return "is missing"
    hidden = location[0] in {"accounts", "plugins"} or "endpoints" in location
    if shape := _SHAPES.get(kind):
        return shape if hidden else f"{shape}, got {_kind(value)}"
    need = _need(error)
    return need if hidden else f"{need}, got {_shown(value)}"


def _need(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"need {error['ctx']['expected']}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _VALUES.get(error["type"], error["msg"])


def _known(location: Location) -> list[str]:
    """Return the keys of the table in which ``location`` is, and those of the tables right inside it."""
    model: Any = Settings
    parts = iter(location[:-1])
    for part in parts:
        annotation = model.model_fields[part].annotation
        model = _model(annotation)
        if get_origin(annotation) in {tuple, Mapping}:
            next(parts)  # an id or an index
    fields = model.model_fields
    inside = {name: inner for name, field in fields.items() if (inner := _table(field.annotation))}
    return [*fields, *(f"{name}.{key}" for name, inner in inside.items() for key in inner.model_fields)]


def _table(annotation: Any) -> type[BaseModel] | None:
    return None if get_origin(annotation) in {tuple, Mapping} else _model(annotation)


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[:LONGEST] + "...")
    if isinstance(value, (int, float)) and not abs(value) > MOST:
        return str(value)
    return _kind(value)


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "something else")
