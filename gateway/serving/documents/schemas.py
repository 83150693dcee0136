"""JSON Schemas of the models: made by msgspec, which reads requests by the same ones."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

PREFIX: Final = "#/components/schemas/"
Schema = dict[str, Any]


def schemas_of(models: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each of ``models``, and those that they refer to by their names."""
    made, named = msgspec.json.schema_components(models, schema_hook=_foreign, ref_template=PREFIX + "{name}")
    return list(made), named


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
