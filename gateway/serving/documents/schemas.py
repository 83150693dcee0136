"""JSON Schemas of the models: made by msgspec, which reads requests by the same ones."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

PREFIX: Final = "#/components/schemas/"
Schema = dict[str, Any]


def schemas_of(models: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each of ``models``, and those that they refer to by their names."""
    made, named = msgspec.json.schema_components(models, schema_hook=_foreign, ref_template=PREFIX + "{name}")
    return [_plain(one) for one in made], {_short(name): _absent(_plain(one)) for name, one in named.items()}


def _absent(schema: Schema) -> Schema:
    """Of what is sent, a field without a value is absent: null is none of its values. Requests may have nulls."""
    if schema.get("additionalProperties") is False:
        return schema
    properties = {name: _valued(one) for name, one in schema.get("properties", {}).items()}
    return {**schema, "properties": properties} if properties else schema


def _valued(schema: Schema) -> Schema:
    if "default" not in schema or schema["default"] is not None:
        return schema
    rest = {name: value for name, value in schema.items() if name not in {"default", "anyOf"}}
    values = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return {**rest, **values[0]} if len(values) == 1 else {**rest, "anyOf": values}


def _short(name: str) -> str:
    """Return a name without dots: where two models have one name, it is their modules' too."""
    return "".join(part[:1].upper() + part[1:] for part in name.split(".")[-2:])


def _plain(schema: Any) -> Any:
    """Return ``schema`` with pairs as lists of two, for versions of JSON Schema disagree on how to write pairs."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _plain(value) for name, value in schema.items()}
    if "$ref" in made:
        made["$ref"] = PREFIX + _short(made["$ref"].removeprefix(PREFIX))
    kinds = made.get("prefixItems")
    if kinds is not None and all(one == kinds[0] for one in kinds):
        del made["prefixItems"]
        made["items"] = kinds[0]
    return made


def _foreign(model: type) -> Schema:
    """Return the schema of what may be anything."""
    if model is object:
        return {"description": "Anything."}
    raise NotImplementedError
