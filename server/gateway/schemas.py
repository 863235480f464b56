"""The official JSON schemas of OCPP as judges of what is said (from the `ocpp` package), each compiled once."""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft4Validator, Draft6Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}
COMPLAINTS_MAX = 20
DEPTH_MAX = 12
MOMENT = "2026-01-01T00:00:00Z"


def complaints(version: str, action: str, payload: Any, *, answer: bool = False) -> list[tuple[str, str]]:  # noqa: ANN401
    """What is wrong with a payload of an action: (field, why), the field as a.b.0.c and "" for the whole.

    At most `COMPLAINTS_MAX`. `answer`: it is the answer's payload, not the call's.
    """
    judge = _validator(version, name(version, action, answer=answer))
    found = sorted(judge.iter_errors(_exact(payload)), key=_place)
    return [(_place(error), _why(error)) for error in found[:COMPLAINTS_MAX]]


def example(version: str, action: str) -> dict[str, Any]:
    """A call's payload that its schema allows: required fields only, first words of enums."""
    schema = _schema(version, name(version, action, answer=False))
    made: dict[str, Any] = _made(schema, schema, 0)
    return made


def name(version: str, action: str, *, answer: bool) -> str:
    """What the schema of an action's call, or of its answer, is called."""
    return f"{action}Response" if answer else action if version == "1.6" else f"{action}Request"


@cache
def names(version: str) -> frozenset[str]:
    """What schemas there are."""
    return frozenset(one.name.removesuffix(".json") for one in _folder(version).iterdir())


def text(version: str, named: str) -> str:
    """A schema as the `ocpp` package has it."""
    return (_folder(version) / f"{named}.json").read_text("utf-8-sig")


def _folder(version: str) -> Traversable:
    return files("ocpp") / FOLDERS[version] / "schemas"


@cache
def _schema(version: str, named: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text(version, named), parse_float=Decimal)
    return found


@cache
def _validator(version: str, named: str) -> Validator:
    schema = _schema(version, named)
    kind = Draft4Validator if "draft-04" in schema["$schema"] else Draft6Validator
    return kind(schema)


def _exact(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """JSON with decimals for doubles: 0.3 is a multiple of 0.1, which doubles do not know."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    return value


def _place(error: ValidationError) -> str:
    path = [str(step) for step in error.absolute_path]
    if error.validator == "required":  # the field that is missing, not the object that lacks it
        missing = [name for name in error.validator_value if name not in error.instance]
        path += missing[:1] if len(missing) == 1 else [next(n for n in missing if f"'{n}'" in error.message)]
    return ".".join(path)


def _why(error: ValidationError) -> str:
    return "is required" if error.validator == "required" else error.message[:300]


def _made(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 -- any JSON
    assert depth < DEPTH_MAX, "a schema that contains itself has no smallest example"
    if "$ref" in schema:
        return _made(root["definitions"][schema["$ref"].rpartition("/")[2]], root, depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" | None:
            fields: Mapping[str, Any] = schema.get("properties", {})
            return {name: _made(fields[name], root, depth + 1) for name in schema.get("required", ())}
        case "array":
            return [_made(schema["items"], root, depth + 1) for _ in range(schema.get("minItems", 1))]
        case "string":
            return _text(schema)
        case "boolean":
            return False
    return _number(schema)


def _text(schema: Mapping[str, Any]) -> str:
    named = {"date-time": MOMENT, "uri": "https://example.org/"}
    return named.get(schema.get("format", ""), "text"[: schema.get("maxLength", 4)])


def _number(schema: Mapping[str, Any]) -> int:
    return max(1, int(schema.get("minimum", 1)))
