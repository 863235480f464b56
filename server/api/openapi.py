"""The API's own description: what Litestar derives, with what it leaves out."""

from dataclasses import dataclass

import msgspec
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin  # pinned: litestar 2.25
from litestar._openapi.schema_generation.schema import SchemaCreator
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    License,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.plugins.core._msgspec import kwarg_definition_from_field
from litestar.typing import FieldDefinition

SECURITY = "bearer"
CALENDAR_MAX = 60_000


class StrictStructs(StructSchemaPlugin):
    """Says `additionalProperties: false` where a struct forbids unknown fields, which Litestar does not."""

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        """The schema of a struct."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        kind = field_definition.type_
        if kind.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
            bounds, _ = kwarg_definition_from_field(field)
            found = (schema.properties or {}).get(field.encode_name)
            if bounds is not None and bounds.ge == 0 and isinstance(found, Schema):
                found.minimum = 0.0  # Litestar drops a bound of 0 where the field is optional
        return schema


@dataclass
class CalendarBody(Operation):
    """An operation whose body is a calendar's text."""

    def __post_init__(self) -> None:
        """Says what the body is."""
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=CALENDAR_MAX))
        self.request_body = RequestBody(content={"text/calendar": text}, required=True)


def config(version: str) -> OpenAPIConfig:
    """Served at /schema/openapi.json; routes need a bearer token unless they say otherwise."""
    scheme = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
    return OpenAPIConfig(
        title="Dalstroom",
        version=version,
        description="Charge at home and in public in the price valley, see why, and get paid for it.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(security_schemes={SECURITY: scheme}),
        security=[{SECURITY: []}],
        use_handler_docstrings=True,
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        operation_id_creator=lambda handler, _method, _parts: handler.handler_name,
    )
