"""JSON Schemas of the models: made by msgspec, which reads requests by the same ones."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

PREFIX: Final = "#/components/schemas/"
Schema = dict[str, Any]


def schemas_of(models: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each of ``models``, and those that they refer to by their names."""
    made, named = msgspec.json.schema_components(models, schema_hook=_foreign, ref_template=PREFIX + "{name}")
    return list(made), {name: _absent(schema) for name, schema in named.items()}


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


def plainer(schema: Any) -> Any:
    """Return ``schema`` as JSON Schema draft 7 has it, which knows lists of a fixed length under another name."""
    if isinstance(schema, list):
        return [plainer(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: plainer(value) for name, value in schema.items()}
    if "prefixItems" in made:
        made = {**made, "items": made.pop("prefixItems"), "additionalItems": False}
    return made


def _foreign(model: type) -> Schema:
    """Return the schema of what msgspec takes as it is."""
    if model is msgspec.Raw:
        return {}
    raise NotImplementedError
