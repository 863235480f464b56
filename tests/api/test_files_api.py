"""Files that stations upload: asked for, taken in once, given to their operator only."""

import asyncio
import dataclasses
import threading
from datetime import timedelta

import pytest
from api_edge import asking, bearer
from operators_desk import OPERATOR, opened
from small_town import NOW, OTTO

from server.api import files

FILES = "/api/stations/LOOTS%2F1/files"
CONTENT = b"\x00log\r\n" * 50_000


@pytest.fixture
async def desk(context, tmp_path):
    async with opened(dataclasses.replace(context, files=tmp_path / "uploads")) as desk:
        yield desk


async def asked(desk, kind="Diagnostics"):
    """The address that the station was told, and the file's id."""
    answers = {"GetDiagnostics": {"fileName": "d.zip"}, "GetLog": {"status": "Accepted", "filename": "l.txt"}}
    async with desk.station(answers=answers) as box:
        answer = await desk.api.post(FILES, json={"kind": kind}, headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    ((_, payload),) = box.heard
    where = payload.get("location") or payload["log"]["remoteLocation"]
    return where.replace("http://127.0.0.1:8000", ""), answer.json()


async def downloaded(desk, file_id, headers=OPERATOR):
    return await desk.api.get(f"{FILES}/{file_id}", headers=headers)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_file_comes_once_and_its_operator_downloads_it(desk, method):
    """TC_045_1: the server names the address, and what the station puts there is the operator's."""
    where, told = await asked(desk)
    assert told["outcome"]["answer"] == {"fileName": "d.zip"}
    assert (await downloaded(desk, told["file"]["id"])).status_code == 404
    assert (await desk.api.request(method, f"{where}/diag%20nostics.zip", content=CONTENT)).status_code == 201
    got = await downloaded(desk, told["file"]["id"])
    assert got.content == CONTENT
    assert got.headers["content-disposition"] == 'attachment; filename="diagnostics.zip"'
    (listed,) = (await desk.api.get(FILES, headers=OPERATOR)).json()
    assert (listed["size"], listed["name"]) == (len(CONTENT), "diagnostics.zip")
    assert (await desk.api.request(method, where, content=b"again")).status_code == 404
    assert (await downloaded(desk, told["file"]["id"])).content == CONTENT


async def test_a_log_is_asked_for_with_its_number(desk):
    """TC_079, and TC_N_25 and TC_N_35 in 2.0.1's words."""
    where, told = await asked(desk, "SecurityLog")
    await desk.api.put(where, content=b"events")
    assert (await downloaded(desk, told["file"]["id"])).content == b"events"
    assert (await desk.api.get(FILES, headers=OPERATOR)).json()[0]["name"] == "SecurityLog-1.bin"


async def test_a_file_is_uploaded_once_at_a_time_and_a_line_that_stalls_is_given_up(desk, monkeypatch):
    where, told = await asked(desk)
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slowly():
        yield b"first, "
        begun.set()
        await gate.wait()
        yield b"last"

    first = asyncio.create_task(desk.api.put(where, content=slowly()))
    await asyncio.wait_for(begun.wait(), 10)
    other = await desk.api.put(where, content=b"other")
    assert (other.status_code, other.json()["code"]) == (409, "uploading")
    gate.set()
    assert (await first).status_code == 201
    assert (await downloaded(desk, told["file"]["id"])).content == b"first, last"
    monkeypatch.setattr(files, "STALL_WALL_S", 0.01)
    gate.clear()
    where, told = await asked(desk)
    assert (await desk.api.put(where, content=slowly())).status_code == 408
    assert (await desk.api.put(where, content=b"again")).status_code == 201


async def test_a_form_is_unwrapped_and_nobody_waits_for_that(desk, monkeypatch):
    unwrapped, threads = files._unwrapped, []

    def seen(*args):
        threads.append(threading.current_thread())
        return unwrapped(*args)

    monkeypatch.setattr(files, "_unwrapped", seen)
    where, told = await asked(desk)
    assert (await desk.api.post(where, files={"file": ("d.bin", CONTENT)})).status_code == 201
    assert (await downloaded(desk, told["file"]["id"])).content == CONTENT
    assert threads
    assert threading.main_thread() not in threads


async def test_too_large_a_file_is_refused_and_leaves_nothing(desk, monkeypatch):
    monkeypatch.setattr(files, "FILE_MAX", 1_000)
    where, told = await asked(desk)
    assert (await desk.api.put(where, content=CONTENT)).status_code == 413
    assert list(desk.context.files.iterdir()) == []
    assert (await desk.api.put(where, content=b"small")).status_code == 201
    assert (await downloaded(desk, told["file"]["id"])).content == b"small"


async def test_an_address_ends_after_a_day_and_a_guessed_one_never_was(desk):
    where, _ = await asked(desk)
    desk.context.clock.advance_to(NOW + timedelta(hours=24))
    assert (await desk.api.put(where, content=b"late")).status_code == 404
    assert (await desk.api.put("/api/uploads/guessed", content=b"x")).status_code == 404


async def test_no_name_leads_out_of_the_folder(desk):
    where, told = await asked(desk)
    assert (await desk.api.put(f"{where}/..%2F..%2Fetc", content=b"x")).status_code in (201, 404)
    assert {path.name for path in desk.context.files.iterdir()} <= {told["file"]["id"]}


async def test_a_stranger_gets_none_of_it(desk):
    where, told = await asked(desk)
    await desk.api.put(where, content=b"mine")
    otto = bearer(OTTO)
    assert (await downloaded(desk, told["file"]["id"], otto)).status_code == 404
    assert (await desk.api.get(FILES, headers=otto)).status_code == 404
    assert (await desk.api.post(FILES, json={"kind": "Diagnostics"}, headers=otto)).status_code == 404


async def test_the_oldest_make_room(desk, monkeypatch):
    monkeypatch.setattr(files, "KEPT", 2)
    for number in range(3):
        where, _ = await asked(desk)
        await desk.api.put(where, content=str(number).encode())
    assert len(list(desk.context.files.iterdir())) == 2


async def test_a_server_without_a_folder_takes_none(context):
    async with opened(context) as desk, asking(desk.context) as api:
        answer = await api.post(FILES, json={"kind": "Diagnostics"}, headers=OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_files")
