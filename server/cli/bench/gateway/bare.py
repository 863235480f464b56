"""The yardstick: the `ocpp` library with its defaults on `websockets`, a process of its own, without a database."""

import asyncio
import os
import sys
from datetime import UTC, datetime

import msgspec
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve


class Bare(ChargePoint):  # type: ignore[misc]
    """Answers what the bench's stations say."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    async def boot(self, **_said: object) -> call_result.BootNotification:
        """Accepted."""
        return call_result.BootNotification(datetime.now(UTC).isoformat(), 300, RegistrationStatus.accepted)

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    async def status(self, **_said: object) -> call_result.StatusNotification:
        """Heard."""
        return call_result.StatusNotification()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def meter_values(self, **_said: object) -> call_result.MeterValues:
        """Heard."""
        return call_result.MeterValues()


async def run() -> None:
    """Serve until killed."""

    async def handle(connection: ServerConnection) -> None:
        await Bare(connection.request.path if connection.request else "", connection).start()

    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(msgspec.json.encode({"pid": os.getpid(), "port": port}).decode() + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run())
