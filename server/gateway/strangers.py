"""A station that nobody has added yet, held until somebody does: its boots are answered Pending, nothing else is."""

import asyncio
import contextlib
from collections import Counter

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from server.core.reports import BootInfo
from server.gateway import moments, rpc
from server.gateway.door import Doorkeeper, Stranger
from server.gateway.rpc import Call, ErrorCode, Refusal
from server.gateway.v16.messages import BootNotificationAnswer, Message
from server.gateway.versions import Version

HELD_MAX = 200
"""Sockets of strangers at a time; the next one is dropped."""
FRAMES_MAX = 100
FRAME_BYTES_MAX = 16 * 1024
STAY_S = 3600.0
PACE_S = 1.0
"""A stranger is heard this often: each of its boots is written down."""
TEXT_MAX = 50


class _Box(Message, frozen=True):
    vendor_name: str = ""
    model: str = ""


class _AnyBoot(Message, frozen=True):
    """A BootNotification of either version."""

    charge_point_vendor: str = ""
    charge_point_model: str = ""
    charging_station: _Box = _Box()


_boot = msgspec.json.Decoder(_AnyBoot)


async def keep(connection: ServerConnection, stranger: Stranger, door: Doorkeeper, counts: Counter[str]) -> None:
    """Answer a stranger until it goes, is taken in (then it is let go, to come back as a station) or says too much."""
    counts["strangers_held"] += 1
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(STAY_S):
            for _ in range(FRAMES_MAX):
                raw = await connection.recv(decode=False)
                frame = rpc.decode(raw[:FRAME_BYTES_MAX], version=_version(connection))
                if isinstance(frame, Call) and not await _answer(connection, stranger, door, frame):
                    break
                await asyncio.sleep(PACE_S)
    await connection.close(1001, "come back")


async def _answer(connection: ServerConnection, stranger: Stranger, door: Doorkeeper, call: Call) -> bool:
    """Answer a call; False where the stranger is none any more."""
    if call.action != "BootNotification":
        refusal = Refusal(ErrorCode.SECURITY, "Nobody has added this station yet; send a BootNotification.")
        await connection.send(rpc.encode_answer(call.message_id, refusal, _version(connection)), text=True)
        return True
    said = rpc.read_payload(_boot, call.payload)
    boot = _AnyBoot() if isinstance(said, Refusal) else said
    vendor = boot.charge_point_vendor or boot.charging_station.vendor_name
    model = boot.charge_point_model or boot.charging_station.model
    answer = await door.stranger_boots(stranger, BootInfo(vendor[:TEXT_MAX], model[:TEXT_MAX]))
    told = BootNotificationAnswer("Pending", moments.write(answer.now), answer.interval_s)
    await connection.send(rpc.encode_answer(call.message_id, told, _version(connection)), text=True)
    return not answer.known


def _version(connection: ServerConnection) -> Version:
    assert connection.subprotocol is not None, "a stranger without a subprotocol is not kept"
    return Version(connection.subprotocol)
