"""What 2.x stations tell of their parts: events (OCPP 2.0.1 N07, G05), and the reports that they were asked for."""

from collections.abc import Sequence

import msgspec

from server.core.frame_secrets import HIDDEN, NAMES, hidden
from server.core.inventory import NAME_MAX, PROBLEM, PartEvent, ReportItem, ReportPart
from server.core.reports import ConnectorStatus
from server.gateway import moments
from server.gateway.caller import Answer, Caller
from server.gateway.v201.messages import Empty, Evse, Message

TEXT_MAX = 255
CODE_MAX = 50
PERIODIC = "Periodic"
AVAILABILITY = "AvailabilityState"
STATUSES = frozenset(["Available", "Occupied", "Reserved", "Unavailable", "Faulted"])
PLACES = frozenset(["ChargingStation", "EVSE", "Connector"])


class Component(Message, frozen=True):
    """A part of a station, and where it is."""

    name: str = ""
    instance: str | None = None
    evse: Evse | None = None


class Variable(Message, frozen=True):
    """What it knows."""

    name: str = ""
    instance: str | None = None


class EventData(Message, frozen=True):
    """One event. (`severity` is said by 2.1 alone.)"""

    trigger: str = ""
    actual_value: str = ""
    component: Component = Component()
    variable: Variable = Variable()
    timestamp: str | None = None
    cleared: bool | None = None
    tech_code: str | None = None
    tech_info: str | None = None
    variable_monitoring_id: int | None = None
    severity: int | None = None


class NotifyEvent(Message, frozen=True):
    """Events, each as it came."""

    event_data: tuple[msgspec.Raw, ...] = ()


class Part(Message, frozen=True):
    """A part of any report; only the list that its action has is filled."""

    request_id: int = 0
    seq_no: int | None = None
    tbc: bool | None = None
    report_data: tuple[msgspec.Raw, ...] = ()
    monitor: tuple[msgspec.Raw, ...] = ()
    message_info: tuple[msgspec.Raw, ...] = ()
    data: str | None = None


class Line(Message, frozen=True):
    """What a line of a report is of."""

    component: Component = Component()
    variable: Variable = Variable()
    id: int | None = None


_event = msgspec.json.Decoder(EventData)
_line = msgspec.json.Decoder(Line)


async def happened(caller: Caller, request: NotifyEvent) -> Answer:
    """Events: where a connector stands is taken as a StatusNotification would be, the rest is weighed."""
    events: list[PartEvent] = []
    for raw in request.event_data:
        try:
            said = _event.decode(raw)
        except msgspec.ValidationError:
            continue  # the message log has what nobody can read
        status = _status(caller, said)
        if status is not None:
            await caller.flows.status(caller.station_id, status)
        elif said.trigger != PERIODIC or said.variable.name == PROBLEM or said.cleared:  # what is measured is logged
            events.append(_part_event(caller, said, raw))
    if events:
        await caller.flows.parts_told(caller.station_id, events)
    return Empty()


def _status(caller: Caller, said: EventData) -> ConnectorStatus | None:
    """What an event says of where an EVSE stands, None where it is about something else."""
    stands = said.variable.name == AVAILABILITY and said.component.name in PLACES and said.actual_value in STATUSES
    evse = said.component.evse
    if not stands or (evse is None and said.component.name != "ChargingStation"):
        return None
    faulted = said.actual_value == "Faulted"
    return ConnectorStatus(
        connector_no=0 if evse is None else evse.id,
        status=said.actual_value,
        error_code=(_clean(said.tech_code or "")[:CODE_MAX] or "OtherError") if faulted else "NoError",
        at=moments.read(said.timestamp, caller.quirks.clock),
        socket=evse.connector_id if evse is not None and (evse.connector_id or 0) > 0 else None,
    )


def _part_event(caller: Caller, said: EventData, raw: msgspec.Raw) -> PartEvent:
    words = " ".join(one for one in (said.tech_code, said.tech_info) if one)
    return PartEvent(
        part=_clean(_where(said.component))[:TEXT_MAX],
        variable=_clean(_of(said.variable.name, said.variable.instance))[:CODE_MAX],
        value=_clean(said.actual_value)[:CODE_MAX],
        trigger=_clean(said.trigger)[:CODE_MAX],
        at=moments.read(said.timestamp, caller.quirks.clock),
        cleared=bool(said.cleared),
        monitor_id=said.variable_monitoring_id,
        severity=said.severity,
        words=_clean(words)[:TEXT_MAX],
        raw=hidden(bytes(raw)),
    )


async def variables(caller: Caller, request: Part) -> Answer:
    """Variables and what they say."""
    return await _keep(caller, "variable", request, _items(request.report_data))


async def monitors(caller: Caller, request: Part) -> Answer:
    """What the station watches of itself."""
    return await _keep(caller, "monitor", request, _items(request.monitor))


async def messages(caller: Caller, request: Part) -> Answer:
    """What its display shows."""
    return await _keep(caller, "message", request, _items(request.message_info))


async def customer(caller: Caller, request: Part) -> Answer:
    """What it has stored of a customer."""
    name = f"{request.request_id} {request.seq_no or 0}"
    said = msgspec.json.encode({"data": request.data or ""})
    return await _keep(caller, "customer", request, (ReportItem(name, hidden(said)),))


async def _keep(caller: Caller, kind: str, request: Part, items: tuple[ReportItem, ...]) -> Answer:
    part = ReportPart(kind, request.request_id, request.seq_no, not request.tbc, items)
    await caller.flows.reported(caller.station_id, part)
    return Empty()


def _items(rows: Sequence[msgspec.Raw]) -> tuple[ReportItem, ...]:
    items: dict[str, ReportItem] = {}
    for raw in rows:
        try:
            said = _line.decode(raw)
        except msgspec.ValidationError:
            continue
        part = _of(_where(said.component), None) if said.component.name else ""
        variable = _of(said.variable.name, said.variable.instance)
        name = " ".join(one for one in (part, variable) if one) or str(said.id or 0)
        secret = said.variable.name.strip().lower() in NAMES
        items[name] = ReportItem(_clean(name)[:NAME_MAX], f'"{HIDDEN}"' if secret else _plain(raw))
    return tuple(items.values())


def _plain(raw: msgspec.Raw) -> str:
    """JSON without keys, and without the spaces that some write."""
    return hidden(msgspec.json.format(bytes(raw), indent=-1))


def _where(component: Component) -> str:
    """A component's name, and of which EVSE and connector: "Connector 1/2"."""
    name = _of(component.name, component.instance)
    evse = component.evse
    if evse is None:
        return name
    return f"{name} {evse.id}" if evse.connector_id is None else f"{name} {evse.id}/{evse.connector_id}"


def _of(name: str, instance: str | None) -> str:
    return f"{name}[{instance}]" if instance else name


def _clean(text: str) -> str:
    """Without NUL, which PostgreSQL takes nowhere."""
    return text.replace("\x00", "�")
