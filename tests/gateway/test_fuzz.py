"""Frames that no station should send: the gateway answers or drops each, and serves who comes after as before."""

import asyncio
from itertools import islice, pairwise

import pytest

from server.cli.bench.gateway import fuzz
from server.cli.bench.gateway.wire import BINARY

FRAMES = 1_500


def test_a_seed_always_gives_the_same_frames():
    assert list(islice(fuzz.frames(5), 200)) == list(islice(fuzz.frames(5), 200))
    assert list(islice(fuzz.frames(5), 200)) != list(islice(fuzz.frames(6), 200))


def test_the_frames_hold_what_they_promise():
    frames = list(islice(fuzz.frames(1), 2_000))
    text = b"".join(body for _, body in frames)
    assert any(opcode == BINARY for opcode, _ in frames)
    assert any(one == other for one, other in pairwise(frames))
    assert max(len(body) for _, body in frames) > 50_000
    for part in (b"1e999", b"NaN", b"[" * 1_000, b"\\ud800", b"\xff", "\U0001f50c".encode("utf-16")[2:], b"9" * 400):
        assert part in text


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_frame_ends_a_connection_or_fails_a_handler(town, seed):
    async with town.station() as socket:
        for number, (opcode, body) in enumerate(islice(fuzz.frames(seed), FRAMES)):
            await socket.send(body, text=opcode != BINARY)
            if number % 50 == 49:
                assert await heartbeat(socket, f"beat-{number}")
        assert town.gateway.counts["handler_failures"] == 0
        assert town.gateway.counts["frames_in"] == FRAMES + FRAMES // 50


async def heartbeat(socket, message_id):
    """Ask for the time; what answers other frames comes before and is passed over."""
    await socket.send(f'[2,"{message_id}","Heartbeat",{{}}]')
    async with asyncio.timeout(20):
        while True:
            answer = await socket.recv()
            if f'"{message_id}"' in answer and answer.startswith("[3"):
                return answer
