"""What an operator looks after in the fake town: traits, boots that are held, certificates, and lists forwarded."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import msgspec
from town_facts import NOW, an_id

from shared.forwarding import (
    ForwardedStation,
    ForwardingAdd,
    ForwardingAnswer,
    ForwardingChange,
    ForwardingUndone,
    ForwardingView,
)
from shared.stations import Admission, StationCertificate
from shared.traits import StationTraits, TraitsUpdate

LISTS = "/api/forwardings"
CERTIFICATES = "/api/stations/certificates"
BACK = "wss://billing.example/ocpp/LOOTS%2F1"


def traits() -> StationTraits:
    return StationTraits(
        station_id=an_id("station", "LOOTS/1"),
        vendor="Grizzl-E",
        model="Ultimate",
        unit="A",
        purposes=["TxProfile", "TxDefaultProfile"],
        refused=["ChargePointMaxProfile"],
        periods_max=24,
        stack_max=8,
        follows=True,
        quirks=["long_message_ids"],
        of_its_make=["no_subprotocol", "kwh_as_wh"],
        auto_configure=True,
        flash_writes_a_day=192,
        writes_today=17,
    )


def certificate(state: str, name: str, days: int | None = None) -> StationCertificate:
    until = None if days is None else NOW + timedelta(days=days)
    request = f"-----BEGIN CERTIFICATE REQUEST-----\n{name}"
    return StationCertificate(
        id=an_id("certificate", name),
        station_id=an_id("station", "LOOTS/1"),
        identity="LOOTS/1",
        kind="station",
        state=state,
        request_pem=request,
        fingerprint=None,
        serial="1f",
        asked_at=NOW - timedelta(hours=5),
        not_after=until,
        detail="",
    )


def forwarding() -> ForwardingView:
    url = "ws://here/ocpp/LOOTS%2F1"
    station = ForwardedStation(
        an_id("forwarded"), "LOOTS/1", True, url, BACK, "waiting", NOW - timedelta(minutes=9), "401", "", 4, 120, 1, 2
    )
    return ForwardingView(an_id("list"), "Billing", "wss://billing.example/ocpp", True, ["Reset"], True, [station])


class Cared:
    """Public fields are what it says next; `done` is what was asked for."""

    def __init__(self) -> None:
        self.traits = traits()
        self.certificates = [certificate("asked", "new"), certificate("installed", "old", 5)]
        self.lists = [forwarding()]
        self.done: list[tuple[str, object]] = []
        self.admit: Callable[[str], None] = lambda _status: None

    def get(self, path: str) -> object | None:
        """What a path of a station says, None for those of others."""
        if path.endswith("/traits"):
            return self.traits
        return self.certificates if path == CERTIFICATES else None

    def patch(self, _path: str, body: bytes) -> httpx.Response:
        said = msgspec.json.decode(body)
        self.done.append(("traits", said))
        changed = msgspec.json.decode(body, type=TraitsUpdate)
        known = {name: value for name, value in msgspec.structs.asdict(changed).items() if name in said}
        self.traits = msgspec.structs.replace(self.traits, **known)
        return _json(self.traits)

    def put(self, _path: str, body: bytes) -> httpx.Response:
        said = msgspec.json.decode(body, type=Admission)
        self.done.append(("admission", said.status))
        self.admit(said.status)
        return _json(said)

    def certify(self, path: str, body: bytes) -> httpx.Response:
        """A chain, or the end of a certificate."""
        what = path.rsplit("/", 1)[1]
        self.done.append((what, msgspec.json.decode(body) if body else None))
        state = "signed" if what == "chain" else "revoked"
        self.certificates = [
            msgspec.structs.replace(one, state=state) if str(one.id) in path else one for one in self.certificates
        ]
        return httpx.Response(202 if what == "chain" else 204)

    def routes(self) -> dict[tuple[str, str], Callable[[str, bytes], httpx.Response]]:
        return {
            ("GET", CERTIFICATES): lambda _p, _b: _json(self.certificates),
            ("GET", LISTS): lambda _p, _b: _json(self.lists),
            ("POST", LISTS): self._enter,
            ("PATCH", f"{LISTS}/"): self._change,
            ("POST", f"{LISTS}/"): self._undo,
            ("DELETE", f"{LISTS}/"): self._forget,
            ("PATCH", "/api/stations/"): self.patch,
            ("PUT", "/api/stations/"): self.put,
        }

    def _enter(self, _path: str, body: bytes) -> httpx.Response:
        said = msgspec.json.decode(body, type=ForwardingAdd)
        self.done.append(("enter", said))
        made = msgspec.structs.replace(forwarding(), id=an_id("second"), name=said.name, stations=[])
        self.lists = [*self.lists, made]
        return _json(ForwardingAnswer(made, {"A": "added", "B": "added", "C": "unchanged"}))

    def _change(self, path: str, body: bytes) -> httpx.Response:
        said = msgspec.json.decode(body, type=ForwardingChange)
        self.done.append((path.removeprefix(LISTS), msgspec.json.decode(body)))
        known = {name: value for name, value in msgspec.structs.asdict(said).items() if value is not None}
        (one,) = self.lists
        if "/stations/" in path:
            one = msgspec.structs.replace(one, stations=[msgspec.structs.replace(one.stations[0], **known)])
        else:
            one = msgspec.structs.replace(one, **known)
        self.lists = [one]
        return _json(one)

    def _undo(self, _path: str, body: bytes) -> httpx.Response:
        self.done.append(("undo", msgspec.json.decode(body)))
        off = msgspec.structs.replace(self.lists[0].stations[0], state="off")
        self.lists = [msgspec.structs.replace(self.lists[0], on=False, stations=[off])]
        return _json(ForwardingUndone({"LOOTS/1": BACK}, {"LOOTS/1": "by_hand"}))

    def _forget(self, _path: str, _body: bytes) -> httpx.Response:
        self.lists = []
        return httpx.Response(204)


def _json(value: object) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(value), headers={"content-type": "application/json"})
