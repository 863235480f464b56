"""What we ask of OCPP 1.6 stations, and what they say to it (OCPP 1.6 §5, §6). The struct's name is the action's.

Answers are read tolerantly: a station that answers more, less or in words of its own has answered all the same.
"""

import msgspec

from server.gateway.rpc import Refusal, read_payload
from server.gateway.v16.messages import Message
from server.gateway.v16.security import GetInstalledCertificateIds, InstalledAnswer, SecurityCommand
from server.gateway.v16.upkeep import Upkeep, UpkeepAnswer


class SchedulePeriod(Message, frozen=True):
    """From `start_period` seconds after the schedule's start: at most `limit` in its unit, one decimal."""

    start_period: int
    limit: float
    number_phases: int | None = None


class ChargingSchedule(Message, frozen=True):
    """Limits in W, or A per phase; without a `duration` the last period holds on."""

    charging_rate_unit: str
    charging_schedule_period: tuple[SchedulePeriod, ...]
    duration: int | None = None
    start_schedule: str | None = None
    min_charging_rate: float | None = None


class ChargingProfile(Message, frozen=True):
    """A schedule, what it is for (TxProfile, TxDefaultProfile) and above which others it stands."""

    charging_profile_id: int
    stack_level: int
    charging_profile_purpose: str
    charging_profile_kind: str
    charging_schedule: ChargingSchedule
    transaction_id: int | None = None
    recurrency_kind: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


class RemoteStartTransaction(Message, frozen=True):
    """Start a session for a token."""

    id_tag: str
    connector_id: int | None = None
    charging_profile: ChargingProfile | None = None


class RemoteStopTransaction(Message, frozen=True):
    """End a session."""

    transaction_id: int


class SetChargingProfile(Message, frozen=True):
    """Connector 0 with a TxDefaultProfile: for every connector."""

    connector_id: int
    cs_charging_profiles: ChargingProfile


class ClearChargingProfile(Message, frozen=True):
    """What all the given fields match; with none given, all profiles."""

    id: int | None = None
    connector_id: int | None = None
    charging_profile_purpose: str | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Message, frozen=True):
    """The limits as the station will keep them, for the next `duration` seconds."""

    connector_id: int
    duration: int
    charging_rate_unit: str | None = None


class TriggerMessage(Message, frozen=True):
    """Say this now: BootNotification, StatusNotification, MeterValues, Heartbeat ..."""

    requested_message: str
    connector_id: int | None = None


class ChangeAvailability(Message, frozen=True):
    """`type`: Operative or Inoperative; connector 0 is the whole station."""

    connector_id: int
    type: str


class Reset(Message, frozen=True):
    """`type`: Soft or Hard."""

    type: str


class UnlockConnector(Message, frozen=True):
    """Let go of the cable."""

    connector_id: int


class GetConfiguration(Message, frozen=True):
    """The keys asked for, or all."""

    key: tuple[str, ...] | None = None


class ChangeConfiguration(Message, frozen=True):
    """Set a key."""

    key: str
    value: str


class StatusAnswer(Message, frozen=True):
    """Accepted, or a refusal in the action's own words (Rejected, NotSupported, Scheduled, RebootRequired ...)."""

    status: str


class CompositePeriod(Message, frozen=True):
    """A step of it."""

    start_period: int | float | None = None
    limit: float | None = None
    number_phases: int | None = None


class CompositeSchedule(Message, frozen=True):
    """The limits as the station says that it keeps them."""

    charging_rate_unit: str | None = None
    charging_schedule_period: tuple[CompositePeriod, ...] | None = None
    duration: int | float | None = None
    start_schedule: str | None = None


class CompositeAnswer(Message, frozen=True):
    """Some say Accepted without a schedule, some a schedule with periods from nowhere (Orbis)."""

    status: str
    connector_id: int | None = None
    schedule_start: str | None = None
    charging_schedule: CompositeSchedule | None = None


class KeyValue(Message, frozen=True):
    """A configuration key and what it says."""

    key: str
    readonly: bool | None = None
    value: str | None = None


class ConfigurationAnswer(Message, frozen=True):
    """The keys that it has, and those that it does not know."""

    configuration_key: tuple[KeyValue, ...] | None = None
    unknown_key: tuple[str, ...] | None = None


Command = (
    RemoteStartTransaction
    | RemoteStopTransaction
    | SetChargingProfile
    | ClearChargingProfile
    | GetCompositeSchedule
    | TriggerMessage
    | ChangeAvailability
    | Reset
    | UnlockConnector
    | GetConfiguration
    | ChangeConfiguration
    | SecurityCommand
    | Upkeep
)
CommandAnswer = StatusAnswer | CompositeAnswer | ConfigurationAnswer | InstalledAnswer | UpkeepAnswer

_status_answer = msgspec.json.Decoder(StatusAnswer)
_composite_answer = msgspec.json.Decoder(CompositeAnswer)
_configuration_answer = msgspec.json.Decoder(ConfigurationAnswer)
_installed_answer = msgspec.json.Decoder(InstalledAnswer)
_upkeep_answer = msgspec.json.Decoder(UpkeepAnswer)


def action(command: Command) -> str:
    """The action's name on the wire."""
    return type(command).__name__


def read_answer(command: Command, payload: msgspec.Raw) -> CommandAnswer | Refusal:
    """What the station's result says, or why nobody can read it."""
    match command:
        case GetCompositeSchedule():
            return read_payload(_composite_answer, payload)
        case GetConfiguration():
            return read_payload(_configuration_answer, payload)
        case GetInstalledCertificateIds():
            return read_payload(_installed_answer, payload)
    if isinstance(command, Upkeep):
        return read_payload(_upkeep_answer, payload)
    return read_payload(_status_answer, payload)
