"""Problem documents (RFC 9457): every error says what is wrong and what to do next, and shows nothing of the inside."""

import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import IntegrityError

from server.core.session import Refused
from shared.problems import CONTENT_TYPE, FieldError, Problem

log = logging.getLogger("dalstroom.api")
TYPE_PREFIX = "urn:dalstroom:problem:"
CODES = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "Correct the request; `errors` names the fields."),
    HTTPStatus.UNAUTHORIZED: ("not_signed_in", "Sign in, or refresh the access token, and send it as a bearer token."),
    HTTPStatus.FORBIDDEN: ("wrong_role", "Sign in with an account whose role allows this."),
    HTTPStatus.NOT_FOUND: ("not_found", "Check the address; what belongs to others is not found either."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "Use one of the methods that the Allow header names."),
    HTTPStatus.CONFLICT: ("conflict", "Load the present state and try again."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "Send less."),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("invalid", "Correct the fields that `errors` names."),
    HTTPStatus.TOO_MANY_REQUESTS: ("too_many_requests", "Wait as long as the Retry-After header says."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal", "Try again; if it happens again, tell who runs this server when."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("unavailable", "Try again in a moment."),
}
"""Code and hint by status, where nothing more specific is known."""

DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not do that.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
}
"""What to say where the library only repeats the status's phrase."""


class Failed(Exception):
    """A request that ends in a problem document; handlers raise it, nothing catches it but the API's edge."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        """The document and the headers that go with it."""
        super().__init__(problem.code)
        self.problem = problem
        self.headers = dict(headers or {})


def problem(
    status: int, detail: str = "", *, code: str = "", hint: str = "", errors: Sequence[FieldError] = ()
) -> Problem:
    """A problem document: the title is the status's own phrase, `detail` is about this request."""
    known_code, known_hint = CODES.get(HTTPStatus(status), ("", ""))
    code = code or known_code
    return Problem(
        type=f"{TYPE_PREFIX}{code}" if code else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        hint=hint or known_hint,
        errors=list(errors),
    )


def refused(refusal: Refused, status: int = HTTPStatus.CONFLICT) -> Failed:
    """An expected refusal as a failed request: 409 unless it is about something else."""
    sentence = refusal.code.replace("_", " ").capitalize() + "."
    return Failed(problem(status, sentence, code=refusal.code, hint=refusal.hint))


def not_found(what: str, hint: str = "") -> Failed:
    """Something is not there, or not the caller's."""
    return Failed(problem(HTTPStatus.NOT_FOUND, f"There is no such {what} of yours.", hint=hint))


def invalid(errors: Sequence[FieldError]) -> Failed:
    """The request is well formed but says something that cannot be."""
    return Failed(problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some fields cannot be saved as they are.", errors=errors))


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """What a route declares: problem documents for these statuses; 400, 401, 403, 413 and 500 on every route."""
    return _specs({400, 401, 403, 413, 500, *statuses})


def documented_public(*statuses: int) -> dict[int, ResponseSpec]:
    """What a route without sign-in declares."""
    return _specs({400, 413, 500, *statuses})


def _specs(statuses: set[int]) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(Problem, False, HTTPStatus(status).phrase, CONTENT_TYPE)  # noqa: FBT003 -- no examples
        for status in sorted(statuses)
    }


# --- the edge -----------------------------------------------------------------


def _answer(request: Request[Any, Any, Any], found: Problem, headers: Mapping[str, str]) -> Response[bytes]:
    told = msgspec.structs.replace(found, instance=request.url.path)
    return Response(msgspec.json.encode(told), status_code=told.status, media_type=CONTENT_TYPE, headers=dict(headers))


def _on_failed(request: Request[Any, Any, Any], error: Failed) -> Response[bytes]:
    return _answer(request, error.problem, error.headers)


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own refusals: no route, no method, a body that does not fit."""
    status = error.status_code
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, problem(status), headers)
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [_field_error(item) for item in extra if isinstance(item, dict)]
    repeated = error.detail == HTTPStatus(status).phrase
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
    detail = detail or (DETAILS.get(HTTPStatus(status), "") if repeated else error.detail)
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return _answer(request, problem(status, detail, errors=errors), headers)


def _field_error(item: Mapping[str, Any]) -> FieldError:
    """What msgspec found, with the path of the field; the body as a whole is called `body`."""
    key, message = str(item.get("key") or "body"), str(item.get("message", "")).strip()
    if key == "data" and item.get("source") == "body":
        return FieldError("body", "A JSON body is required." if message == "'data'" else message)
    return FieldError(key, message)


def _on_integrity(request: Request[Any, Any, Any], error: IntegrityError) -> Response[bytes]:
    """Two requests wanted the same thing at the same time, and the database let one through."""
    del error
    return _answer(request, problem(HTTPStatus.CONFLICT, "Somebody else changed this at the same moment."), {})


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our fault. The log gets the place and the kind of the error, never its message, which may quote a row."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s in %s %s\n%s", type(error).__name__, request.method, request.scope.get("path_template", ""), frames)
    return _answer(request, problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side."), {})


HANDLERS: dict[int | type[Exception], Any] = {
    Failed: _on_failed,
    HTTPException: _on_http,
    IntegrityError: _on_integrity,
    Exception: _on_bug,
}
