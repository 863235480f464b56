"""What drivers do in the app, through the same HTTP API: state a departure, press "charge now", take it back."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec

from server.simulator.people import Person
from server.simulator.places import StationSpec
from server.simulator.visits import Visit

LOOK_AGAIN_WALL_S = 0.5


class ApiRefusal(msgspec.Struct, frozen=True):
    """An action that the API refused, or that could not be sent (`status` 0)."""

    person_id: UUID
    action: str
    status: int
    detail: str


class Drivers:
    """The town's people as users of the API, each signed in by one tap when they first need it.

    `looks`: how often they look for their session, half a second apart on the wall: on a fast clock the few simulated
    seconds after the plug-in are over before the server has heard of it.
    """

    def __init__(self, api_url: str | None, looks: int = 1) -> None:
        self.refusals: list[ApiRefusal] = []
        self._looks = looks
        self._client = (
            httpx.AsyncClient(base_url=api_url.rstrip("/"), timeout=20.0, trust_env=False) if api_url else None
        )
        self._tokens: dict[UUID, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def state(self, person: Person, visit: Visit, station: StationSpec) -> None:
        """Say when the car must be ready and, where the car does not tell, how much it still needs."""
        body: dict[str, Any] = {}
        if visit.ready_by is not None:
            body["ready_by"] = visit.ready_by.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if visit.energy_wh is not None:
            body["energy_wh"] = visit.energy_wh
        if body:
            await self._on_session(person, station, ("PATCH", "", body))

    async def override(self, person: Person, station: StationSpec) -> None:
        """Press "charge now"."""
        await self._on_session(person, station, ("POST", "/override", None))

    async def undo(self, person: Person, station: StationSpec) -> None:
        """Take "charge now" back."""
        await self._on_session(person, station, ("DELETE", "/override", None))

    async def _on_session(
        self, person: Person, station: StationSpec, act: tuple[str, str, dict[str, Any] | None]
    ) -> None:
        method, path, body = act
        for look in range(self._looks):
            if look:
                await asyncio.sleep(LOOK_AGAIN_WALL_S)
            answer = await self._ask(person, "GET", "/api/sessions/current", None)
            if answer is None:
                return
            if (session := _session_at(station, answer.json())) is not None:
                await self._ask(person, method, f"/api/sessions/{session}{path}", body)
                return
        self.refusals.append(ApiRefusal(person.id, f"{method} session{path}", 0, "no open session here"))

    async def _ask(self, person: Person, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response | None:
        if self._client is None:
            return None
        try:
            answer = await self._send(person, method, path, body)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._tokens.pop(person.id, None)
                answer = await self._send(person, method, path, body)
        except httpx.HTTPError as error:
            self.refusals.append(ApiRefusal(person.id, f"{method} {path}", 0, f"{type(error).__name__}: {error}"))
            return None
        if answer.is_success:
            return answer
        self.refusals.append(ApiRefusal(person.id, f"{method} {path}", answer.status_code, answer.text[:300]))
        return None

    async def _send(self, person: Person, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        assert self._client is not None
        if person.id not in self._tokens:
            signed = await self._client.post("/api/auth/demo", json={"account_id": str(person.id)})
            if not signed.is_success:
                return signed
            self._tokens[person.id] = signed.json()["access_token"]
        headers = {"Authorization": f"Bearer {self._tokens[person.id]}"}
        return await self._client.request(method, path, json=body, headers=headers)


def _session_at(station: StationSpec, views: list[dict[str, Any]]) -> str | None:
    """The newest open session at this station's place, at its own label where the place has several."""
    here = [
        view
        for view in views
        if view["location_id"] == str(station.location_id) and view.get("state", "open") == "open"
    ]
    labelled = [view for view in here if view.get("evse_label") == station.label] or here
    newest = max(labelled, key=lambda view: datetime.fromisoformat(view["plugged_at"]), default=None)
    return str(newest["id"]) if newest else None
