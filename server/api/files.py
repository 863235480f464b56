"""Diagnostics and logs that stations upload: asked for, taken in once, downloaded by their operator."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

from litestar import Controller, Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.commands import OPERATING, check, own_station
from server.api.context import ApiContext, Order
from server.api.errors import Failed, documented, documented_public, not_found, problem
from server.api.guards import PUBLIC, Caller
from server.core.station import Station
from server.storage import station_files as stored
from server.storage.station_files import StationFile
from shared.operating import FileAnswer, FileAsk, FileKind, FileView

FILE_MAX = 64 << 20
LIFETIME = timedelta(hours=24)
CHUNK = 64 * 1024
STALL_WALL_S = 60.0
"""A line that brings nothing for so long is given up: the station's next try is not kept waiting by it."""
KEPT = 20
"""Files a station: an older one makes room for the next."""


def _view(file: StationFile) -> FileView:
    return FileView(file.id, FileKind(file.kind), file.name, file.asked_at, file.came_at, file.size)


def _home(context: ApiContext) -> Path:
    if context.files is None:
        raise Failed(problem(409, "This server keeps no files.", code="no_files", hint="Ask who runs it for a folder."))
    context.files.mkdir(parents=True, exist_ok=True)
    return context.files


class FileController(Controller):
    """Files of a station, for its operator."""

    path = "/stations/{identity:str}/files"
    tags = ("stations",)
    guards = OPERATING

    @get(responses=documented(404))
    async def list_files(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], identity: FromPath[str]
    ) -> list[FileView]:
        """What the station was asked for, newest first; `size` once it came."""
        async with context.db.read() as tx:
            station = await own_station(tx, unquote(identity), caller)
            return [_view(file) for file in await stored.of_station(tx, station.id)]

    @post(responses=documented(404, 409, 422))
    async def ask_for_file(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        identity: FromPath[str],
        data: JSONBody[FileAsk],
    ) -> FileAnswer:
        """Ask a station to upload a file to us, within a day: GetDiagnostics, or GetLog for the other kinds."""
        async with context.db.begin() as tx:
            station = await own_station(tx, unquote(identity), caller)
            _home(context)
            file, token = await _expect(tx, station, data.kind, context.now())
        order = _order(context, caller, file, token)
        check(context, station, order)
        outcome = await context.hands.say(station.id, station.identity, order)
        return FileAnswer(_view(file), outcome)

    @get("/{file_id:uuid}", media_type="application/octet-stream", responses=documented(404, 409))
    async def download_file(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        identity: FromPath[str],
        file_id: FromPath[UUID],
    ) -> Stream:
        """The file as it came."""
        async with context.db.read() as tx:
            station = await own_station(tx, unquote(identity), caller)
            mine = [one for one in await stored.of_station(tx, station.id) if one.id == file_id]
        path = _home(context) / str(file_id)
        if not mine or not path.is_file():
            raise not_found("file", "It may not have come yet.")
        headers = {"Content-Disposition": f'attachment; filename="{mine[0].name}"', "X-Content-Type-Options": "nosniff"}
        return Stream(_read(path), media_type="application/octet-stream", headers=headers)


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            yield chunk


async def _expect(tx: AsyncSession, station: Station, kind: FileKind, now: datetime) -> tuple[StationFile, str]:
    token = secrets.token_urlsafe(32)
    file = StationFile(
        id=uuid4(),
        party_id=station.party_id,
        station_id=station.id,
        request_no=await stored.next_request_no(tx, station.id),
        kind=kind.value,
        asked_at=now,
        expires_at=now + LIFETIME,
        token_sha256=_sha256(token),
    )
    await stored.add(tx, file)
    return file, token


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _order(context: ApiContext, caller: Caller, file: StationFile, token: str) -> Order:
    where = f"{context.settings.upload_url}/{token}"
    if FileKind(file.kind) is FileKind.DIAGNOSTICS:
        return Order("GetDiagnostics", {"location": where}, caller.account_id)
    body: dict[str, Any] = {"logType": file.kind, "requestId": file.request_no, "log": {"remoteLocation": where}}
    return Order("GetLog", body, caller.account_id)


class UploadController(Controller):
    """Where stations put files: the address holds a secret that is good for one file."""

    path = "/uploads"
    tags = ("stations",)
    opt = PUBLIC
    request_max_body_size = FILE_MAX

    @put(
        ["/{token:str}", "/{token:str}/{name:str}"],
        status_code=201,
        include_in_schema=False,
        responses=documented_public(404, 408, 409, 413),
    )
    async def put_upload(
        self, request: Request[Any, Any, Any], context: NamedDependency[ApiContext], token: FromPath[str]
    ) -> Response[None]:
        """A file, as the request's body or as a form's first part."""
        return await _take(request, context, token)

    @post(
        ["/{token:str}", "/{token:str}/{name:str}"],
        status_code=201,
        include_in_schema=False,
        responses=documented_public(404, 408, 409, 413),
    )
    async def post_upload(
        self, request: Request[Any, Any, Any], context: NamedDependency[ApiContext], token: FromPath[str]
    ) -> Response[None]:
        """As with PUT: makers differ."""
        return await _take(request, context, token)


async def _take(request: Request[Any, Any, Any], context: ApiContext, token: str) -> Response[None]:
    async with context.db.read() as tx:
        file = await stored.awaited(tx, _sha256(token), context.now())
    if file is None:
        raise Failed(problem(404, "Nobody waits for a file here.", hint="Ask the operator for a new address."))
    if file.id in context.uploading:
        raise Failed(problem(409, "This file is being uploaded.", code="uploading", hint="Try again in a minute."))
    context.uploading.add(file.id)
    try:
        return await _take_one(request, context, file)
    finally:
        context.uploading.discard(file.id)


async def _take_one(request: Request[Any, Any, Any], context: ApiContext, file: StationFile) -> Response[None]:
    home = _home(context)
    part = home / f"{file.id}.{secrets.token_hex(4)}"
    try:
        size = await _write(request, part)
        name = _named(request, file)
        if "multipart/form-data" in request.headers.get("content-type", ""):
            size = await asyncio.to_thread(_unwrapped, part, request.headers["content-type"])
        async with context.db.begin() as tx:
            if await stored.came(tx, file.id, name, size, context.now()):
                part.rename(home / str(file.id))
            kept = await stored.of_station(tx, file.station_id)
        for old in [one for one in kept if one.size is not None][KEPT:]:
            (home / str(old.id)).unlink(missing_ok=True)
    finally:
        part.unlink(missing_ok=True)
    return Response(None, status_code=201)


async def _write(request: Request[Any, Any, Any], path: Path) -> int:
    size, chunks = 0, request.stream()
    with path.open("wb") as target:
        while chunk := await _next(chunks):
            size += len(chunk)
            if size > FILE_MAX:
                raise Failed(problem(413, "The file is too large.", hint=f"Send at most {FILE_MAX} bytes."))
            target.write(chunk)
    return size


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """The next bytes that are any, b"" at the end."""
    try:
        async with asyncio.timeout(STALL_WALL_S):
            while not (chunk := await anext(chunks, None)):
                if chunk is None:
                    return b""
            return chunk
    except TimeoutError as error:
        raise Failed(problem(408, "Nothing came any more.", hint="Send the file again.")) from error


def _unwrapped(path: Path, content_type: str) -> int:
    """The first part of a form in place of the form (RFC 7578); its size."""
    head = Message()
    head["content-type"] = content_type
    boundary = str(head.get_param("boundary") or "").encode()
    parts = path.read_bytes().split(b"--" + boundary) if boundary else []
    if len(parts) < 3:
        raise Failed(problem(400, "The form has no part."))
    _, _, content = parts[1].partition(b"\r\n\r\n")
    content = content.removesuffix(b"\r\n")
    path.write_bytes(content)
    return len(content)


def _named(request: Request[Any, Any, Any], file: StationFile) -> str:
    """What the station calls it, in letters that harm nobody; else by its kind and number."""
    said = str(request.path_params.get("name", ""))
    kept = "".join(sign for sign in said if sign.isascii() and (sign.isalnum() or sign in "._-"))[:100].lstrip(".")
    return kept or f"{file.kind}-{file.request_no}.bin"
