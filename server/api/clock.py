"""The server's time, and in the demo its pace."""

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from server.api.context import ApiContext
from server.api.errors import documented, invalid, not_found
from server.bus import CLOCK
from server.clock import SPEEDS
from shared.accounts import ClockSpeed, ClockView
from shared.problems import FieldError


class ClockController(Controller):
    """What time it is on the charging side."""

    path = "/clock"
    tags = ("clock",)

    @get(responses=documented())
    async def get_clock(self, context: NamedDependency[ApiContext]) -> ClockView:
        """The present, and how fast it passes."""
        return _view(context)

    @put(responses=documented(404, 422))
    async def set_speed(self, context: NamedDependency[ApiContext], data: JSONBody[ClockSpeed]) -> ClockView:
        """Demo only: 0 pauses; 1, 60 and 600 are the speeds."""
        if not context.settings.demo or context.set_speed is None:
            raise not_found("button", "Only a demo's clock changes its pace.")
        if data.speed not in SPEEDS:
            said = ", ".join(map(str, SPEEDS))
            raise invalid([FieldError("speed", f"Expected one of {said}, got {data.speed}.")])
        context.set_speed(data.speed)
        context.bus.publish(CLOCK, b"")
        return _view(context)


def _view(context: ApiContext) -> ClockView:
    return ClockView(context.now(), context.clock.speed, context.settings.demo)
