"""What can go wrong between the app and the API, as one type that every screen can show."""

from http import HTTPStatus

from shared.problems import Problem

UNREACHABLE = "unreachable"
SIGNED_OUT = "signed_out"
BROKEN = "broken"


class ApiProblem(Exception):
    """The API refused, or could not be reached; `problem` says what to do next. Status 0: no answer at all."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem

    @property
    def unreachable(self) -> bool:
        """No answer came, so nothing is known about the request."""
        return self.problem.code == UNREACHABLE

    @property
    def not_found(self) -> bool:
        """There is no such thing (or none of yours)."""
        return self.problem.status == HTTPStatus.NOT_FOUND

    @property
    def unauthorized(self) -> bool:
        """Nobody is signed in, or no longer."""
        return self.problem.status == HTTPStatus.UNAUTHORIZED


def unreachable() -> ApiProblem:
    """No connection, a time-out or a broken answer."""
    return ApiProblem(Problem(type="about:blank", title="No connection to the server", status=0, code=UNREACHABLE))


def signed_out() -> ApiProblem:
    """The tokens are gone or no longer good."""
    return ApiProblem(Problem(type="about:blank", title="Signed out", status=401, code=SIGNED_OUT))
