"""Problem documents (RFC 9457): what every error that reaches a person or an API says."""

import msgspec

CONTENT_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field of the request."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An RFC 9457 problem document. `code` is stable and machine-readable, `hint` says what to do next."""

    type: str
    title: str
    status: int
    detail: str = ""
    code: str = ""
    hint: str = ""
    instance: str = ""
    errors: list[FieldError] = []
