"""The bench's own stations: who is not answered says it again on a new line, as chargers do."""

import json
from http import HTTPStatus

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from server.cli.bench.gateway import storms, wire
from server.cli.bench.gateway.fleet import Station
from server.cli.bench.gateway.wire import Lost, Where

ANSWERS = {"BootNotification": {"status": "Accepted"}, "StartTransaction": {"transactionId": 7}}


class Deaf:
    """A server that lets nobody in at first, and on the first line hears nothing but what a station boots with.

    What is `broken` it answers with an error.
    """

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.knocks = 0
        self.lines: list[list[str]] = []

    def door(self, _connection: ServerConnection, request: Request) -> Response | None:
        self.knocks += 1
        if self.knocks == 1:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, "", request.headers, b"")
        return None

    async def line(self, connection: ServerConnection) -> None:
        heard: list[str] = []
        self.lines.append(heard)
        async for frame in connection:
            _, number, action, _ = json.loads(frame)
            heard.append(action)
            if action == self.broken:
                await connection.send(json.dumps([4, number, "InternalError", "broken", {}]))
            elif len(self.lines) > 1 or len(heard) <= 2:
                await connection.send(json.dumps([3, number, ANSWERS.get(action, {})]))


async def back(station: Station, deaf: Deaf) -> tuple[float, int]:
    """A station comes back with a queue."""
    async with serve(deaf.line, "127.0.0.1", 0, process_request=deaf.door, subprotocols=["ocpp1.6"]) as server:
        station.where = Where("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            return await storms._back(station, 0.0, queue=True)
        finally:
            station.wire.drop()


async def test_who_is_not_answered_says_it_again_on_a_new_line(monkeypatch):
    monkeypatch.setattr(wire, "CALL_SECONDS", 0.2)
    deaf = Deaf()
    _, refused = await back(station := Station(0, Where("127.0.0.1", 0)), deaf)
    told = ["StartTransaction", *["MeterValues"] * storms.QUEUED_READINGS, "StopTransaction"]
    came = ["BootNotification", "StatusNotification"]
    assert deaf.lines == [[*came, "StartTransaction"], [*came, *told]]
    assert refused == 2  # at the door, and on the first line
    assert station.transaction_id == 7


async def test_an_error_is_an_answer_and_ends_the_row():
    deaf = Deaf(broken="StartTransaction")
    with pytest.raises(Lost, match="InternalError"):
        await back(Station(0, Where("127.0.0.1", 0)), deaf)
    assert deaf.lines == [["BootNotification", "StatusNotification", "StartTransaction"]]
