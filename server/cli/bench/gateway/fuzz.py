"""Frames that no station should send, from a seed: wrong in arity, types, depth, size, encoding, numbers, or twice."""

import json
import random
from collections.abc import Iterator

from server.cli.bench.gateway.wire import BINARY, TEXT

Frame = tuple[int, bytes]
ACTIONS = ("BootNotification", "Heartbeat", "StatusNotification", "Authorize", "MeterValues", "StopTransaction", "Nope")
WORDS = (
    "",
    "a",
    "\u0000",
    "é" * 40,
    "\U0001f50c",
    "\u202eright to left",
    "x" * 300,
    "NaN",
    "2026-13-45T99:99:99Z",
    "-1",
)
NUMBERS = (
    "0",
    "-1",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "2147483648",
    "9" * 400,
    "0.1",
    "1E-400",
    "9223372036854775808",
)
KEYS = (
    "connectorId",
    "idTag",
    "timestamp",
    "meterValue",
    "sampledValue",
    "value",
    "transactionId",
    "status",
    "self",
    "",
)
DEPTH_MAX, SIZE_MAX = 3_000, 60_000


def frames(seed: int) -> Iterator[Frame]:
    """Opcode and bytes of one frame after the other, the same ones for the same seed."""
    dice = random.Random(seed)
    last: Frame = (TEXT, b"[]")
    while True:
        last = last if dice.random() < 0.05 else _frame(dice)
        yield last


def _frame(dice: random.Random) -> Frame:
    make = dice.choice((_arity, _typed, _deep, _large, _encoded, _noise, _answer, _nearly))
    body = make(dice)
    return (BINARY if dice.random() < 0.1 else TEXT), body


def _arity(dice: random.Random) -> bytes:
    return f"[{','.join(_value(dice, 1) for _ in range(dice.randrange(9)))}]".encode("utf-8", "surrogatepass")


def _typed(dice: random.Random) -> bytes:
    action = json.dumps(dice.choice(ACTIONS)) if dice.random() < 0.8 else _value(dice, 1)
    return f"[2,{_value(dice, 0)},{action},{_value(dice, 3)}]".encode("utf-8", "surrogatepass")


def _deep(dice: random.Random) -> bytes:
    depth = dice.randrange(1, DEPTH_MAX)
    opened, closed = dice.choice((("[", "]"), ('{"a":', "}")))
    inner = opened * depth + "1" + closed * dice.choice((depth, depth // 2, 0))
    return f'[2,"deep","{dice.choice(ACTIONS)}",{inner}]'.encode()


def _large(dice: random.Random) -> bytes:
    size = dice.randrange(SIZE_MAX)
    return f'[2,"large","{dice.choice(ACTIONS)}",{{"idTag":"{"x" * size}"}}]'.encode()


def _encoded(dice: random.Random) -> bytes:
    text = f'[2,"é{dice.randrange(99)}","Authorize",{{"idTag":"\U0001f50cé"}}]'
    return dice.choice(
        (
            text.encode("utf-16"),
            text.encode("latin-1", "replace"),
            b"\xef\xbb\xbf" + text.encode(),
            text.encode()[: dice.randrange(4, 30)],
            text.encode().replace(b"\xc3", b"\xff"),
            text.replace("é", "\\ud800").encode(),
        )
    )


def _noise(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randrange(200))


def _answer(dice: random.Random) -> bytes:
    """An answer that nobody asked for."""
    return f"[{dice.choice((3, 4, 5, 6))},{_value(dice, 0)},{_value(dice, 2)},{_value(dice, 1)}]".encode(
        "utf-8", "surrogatepass"
    )


def _nearly(dice: random.Random) -> bytes:
    """A report that is right but for its numbers."""
    value = {"timestamp": "2026-11-21T04:05:06Z", "sampledValue": [{"value": dice.choice(WORDS + NUMBERS)}]}
    said = json.dumps({"connectorId": 1, "transactionId": 0, "meterValue": [value] * dice.randrange(4)})
    said = said.replace('"transactionId": 0', f'"transactionId": {dice.choice(NUMBERS)}')
    return f'[2,"n{dice.randrange(10_000)}","MeterValues",{said}]'.encode("utf-8", "surrogatepass")


def _value(dice: random.Random, depth: int) -> str:
    """Any JSON, or nearly."""
    kind = dice.randrange(7 if depth else 4)
    if kind == 0:
        return json.dumps(dice.choice(WORDS))
    if kind == 1:
        return dice.choice(NUMBERS)
    if kind < 4:
        return dice.choice(("null", "true", "false", json.dumps(f"id-{dice.randrange(10**6)}")))
    inner = [_value(dice, depth - 1) for _ in range(dice.randrange(4))]
    if kind == 4:
        return f"[{','.join(inner)}]"
    return "{" + ",".join(f"{json.dumps(dice.choice(KEYS))}:{one}" for one in inner) + "}"
