"""JSON Schemas of the event bodies, as msgspec sees them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.contract.body import Body
from common.contract.registry import BODIES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Document = dict[str, Any]
"""JSON, about to be written."""


def schema_of(body: type[Body]) -> Document:
    """Build the schema of one event's body, complete in itself."""
    return {
        "$schema": DIALECT,
        "$id": body.schema_id(),
        **_plain(msgspec.json.schema(body)),
    }


def shared_schemas(reference: str) -> Mapping[str, Document]:
    """Build the schemas of all bodies and what they share; `reference` has a `{name}`, as in `#/schemas/{name}`."""
    _, schemas = msgspec.json.schema_components(BODIES, ref_template=reference)
    return {name: _plain(schema) for name, schema in schemas.items()}


def _plain(schema: Document) -> Document:
    """Leave nothing that JSON reads back as something else, such as a default that is a tuple."""
    plain: Document = msgspec.json.decode(msgspec.json.encode(schema))
    return plain
