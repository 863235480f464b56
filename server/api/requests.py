"""Requests read strictly, methods of a path told rightly, slashes in segments kept: in which Litestar 2.25 is lax."""

import re
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import Request, Response
from litestar.enums import HttpMethod

from server.api.errors import Failed, problem
from server.api.guards import Caller
from shared.problems import FieldError

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$", re.DOTALL)

EXACT = 2**53
STATIONS = b"/api/stations/"


class StrictRequest(Request[Caller, Any, Any]):
    """A request whose JSON body must be of the handler's type: no 0 for false, no "1" for 1."""

    async def json(self) -> Any:  # noqa: ANN401 -- as the library declares it
        """The body as the struct that the handler takes. Raises a 400 that names the field."""
        kind = self.scope["route_handler"].parsed_fn_signature.parameters["data"].annotation
        try:
            return msgspec.convert(_whole(msgspec.json.decode(await self.body())), kind)
        except msgspec.ValidationError as error:
            errors = [_field_error(str(error))]
            detail = f"{errors[0].field}: {errors[0].message}"
            raise Failed(problem(HTTPStatus.BAD_REQUEST, detail, errors=errors)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            hint = "Send the body as JSON in UTF-8."
            raise Failed(problem(HTTPStatus.BAD_REQUEST, str(error), code="malformed", hint=hint)) from error


def _whole(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """JSON with 1.0 as the integer that it is (JSON Schema 2020-12, 6.1.1), as far as a double is exact."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _field_error(text: str) -> FieldError:
    found = _AT.match(text)
    assert found is not None
    return FieldError(found["where"] or "body", found["what"])


def keep_segments(scope: MutableMapping[str, Any]) -> None:
    """Below /api/stations a `%2F` or `%25` within a segment stays one: identities hold slashes (ocpp.md §4)."""
    raw: bytes = scope.get("raw_path") or b""
    if raw.startswith(STATIONS) and b"%" in raw:
        parts = [unquote(part.decode("ascii", "replace"), errors="replace") for part in raw.split(b"/")]
        scope["path"] = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


async def allowed_methods(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answers OPTIONS with all methods of a path: the library's own answer knows only those of its first handler."""
    if request.method != HttpMethod.OPTIONS:
        return None
    here = request.scope["path_template"]
    methods = sorted({method for route in request.app.routes if route.path_format == here for method in route.methods})
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods)})
