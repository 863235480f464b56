"""What we ask of 2.0.1 and 2.1 stations, and what they say to it. The struct's name is the action's.

Here is what charging needs; what we ask besides is in `upkeep`. Answers are read tolerantly: a station that
answers more, less or in words of its own has answered all the same.
"""

import msgspec

from server.gateway.rpc import Refusal, read_payload
from server.gateway.v201.messages import Evse, IdToken, Message
from server.gateway.v201.upkeep import Upkeep


class SchedulePeriod(Message, frozen=True):
    """From `start_period` seconds after the schedule's start: at most `limit` in its unit, one decimal."""

    start_period: int
    limit: float
    number_phases: int | None = None


class ChargingSchedule(Message, frozen=True):
    """Limits in W, or A per phase; without a `duration` the last period holds on."""

    id: int
    charging_rate_unit: str
    charging_schedule_period: tuple[SchedulePeriod, ...]
    start_schedule: str | None = None
    duration: int | None = None
    min_charging_rate: float | None = None


class ChargingProfile(Message, frozen=True):
    """One to three schedules, what they are for (TxProfile, TxDefaultProfile ...) and above which others they stand."""

    id: int
    stack_level: int
    charging_profile_purpose: str
    charging_profile_kind: str
    charging_schedule: tuple[ChargingSchedule, ...]
    transaction_id: str | None = None
    recurrency_kind: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


class RequestStartTransaction(Message, frozen=True):
    """Start a session for a token; the station's transaction names the `remote_start_id`."""

    id_token: IdToken
    remote_start_id: int
    evse_id: int | None = None
    group_id_token: IdToken | None = None
    charging_profile: ChargingProfile | None = None


class RequestStopTransaction(Message, frozen=True):
    """End a session."""

    transaction_id: str


class GetTransactionStatus(Message, frozen=True):
    """Does a transaction go on, and do messages (of it, or any) wait in the station's queue?"""

    transaction_id: str | None = None


class SetChargingProfile(Message, frozen=True):
    """EVSE 0 with a TxDefaultProfile: for every EVSE."""

    evse_id: int
    charging_profile: ChargingProfile


class ProfileCriteria(Message, frozen=True):
    """What all the given fields match."""

    evse_id: int | None = None
    charging_profile_purpose: str | None = None
    stack_level: int | None = None


class ClearChargingProfile(Message, frozen=True):
    """One profile by its id, or those that match."""

    charging_profile_id: int | None = None
    charging_profile_criteria: ProfileCriteria | None = None


class ReportCriteria(Message, frozen=True):
    """Which profiles are to be reported."""

    charging_profile_purpose: str | None = None
    stack_level: int | None = None
    charging_profile_id: tuple[int, ...] | None = None
    charging_limit_source: tuple[str, ...] | None = None


class GetChargingProfiles(Message, frozen=True):
    """Report the profiles that match: they come as ReportChargingProfiles."""

    request_id: int
    charging_profile: ReportCriteria
    evse_id: int | None = None


class GetCompositeSchedule(Message, frozen=True):
    """The limits as the station will keep them, for the next `duration` seconds."""

    duration: int
    evse_id: int
    charging_rate_unit: str | None = None


class Component(Message, frozen=True):
    """A part of a station, in the words of the standard's appendix 3."""

    name: str
    instance: str | None = None
    evse: Evse | None = None


class Variable(Message, frozen=True):
    """What a component knows."""

    name: str
    instance: str | None = None


class GetVariableData(Message, frozen=True):
    """Which value is asked for (Actual where nothing is said)."""

    component: Component
    variable: Variable
    attribute_type: str | None = None


class SetVariableData(Message, frozen=True):
    """Which value is to be set."""

    attribute_value: str
    component: Component
    variable: Variable
    attribute_type: str | None = None


class GetVariables(Message, frozen=True):
    """What variables say."""

    get_variable_data: tuple[GetVariableData, ...]


class SetVariables(Message, frozen=True):
    """Set variables."""

    set_variable_data: tuple[SetVariableData, ...]


class TriggerMessage(Message, frozen=True):
    """Say this now: BootNotification, StatusNotification, TransactionEvent, MeterValues, Heartbeat ..."""

    requested_message: str
    evse: Evse | None = None


class ChangeAvailability(Message, frozen=True):
    """`operational_status`: Operative or Inoperative; without an EVSE the whole station."""

    operational_status: str
    evse: Evse | None = None


class Reset(Message, frozen=True):
    """`type`: Immediate or OnIdle; without an EVSE the whole station."""

    type: str
    evse_id: int | None = None


class UnlockConnector(Message, frozen=True):
    """Let go of the cable."""

    evse_id: int
    connector_id: int


class StatusAnswer(Message, frozen=True):
    """Accepted, or a refusal in the action's own words. Some actions have no status: then it is empty."""

    status: str = ""
    transaction_id: str | None = None  # of a start that a running transaction took
    version_number: int | None = None
    list_version: int | None = None  # as MicroOcpp says it
    filename: str | None = None


class GotVariable(Message, frozen=True):
    """What a variable says, or why not (`attribute_status`)."""

    attribute_status: str
    component: Component
    variable: Variable
    attribute_value: str | None = None


class VariablesAnswer(Message, frozen=True):
    """What the variables say."""

    get_variable_result: tuple[GotVariable, ...]


class HadVariable(Message, frozen=True):
    """What became of a variable that was to be set (`attribute_status`)."""

    attribute_status: str


class SetAnswer(Message, frozen=True):
    """What became of each variable."""

    set_variable_result: tuple[HadVariable, ...]

    @property
    def status(self) -> str:
        """Accepted where all were, else the first other word."""
        said = [one.attribute_status for one in self.set_variable_result]
        return next((status for status in said if status != "Accepted"), "Accepted" if said else "")


class TransactionStatusAnswer(Message, frozen=True):
    """Does it go on (not said without a transaction), do messages wait."""

    messages_in_queue: bool
    ongoing_indicator: bool | None = None


class CompositePeriod(Message, frozen=True):
    """A step of it."""

    start_period: int | float | None = None
    limit: float | None = None
    number_phases: int | None = None


class CompositeSchedule(Message, frozen=True):
    """The limits as the station says that it keeps them."""

    charging_rate_unit: str | None = None
    charging_schedule_period: tuple[CompositePeriod, ...] | None = None
    evse_id: int | None = None
    duration: int | float | None = None
    schedule_start: str | None = None


class CompositeAnswer(Message, frozen=True):
    """The composite schedule, where the station has one."""

    status: str
    schedule: CompositeSchedule | None = None


Command = (
    RequestStartTransaction
    | RequestStopTransaction
    | GetTransactionStatus
    | SetChargingProfile
    | ClearChargingProfile
    | GetChargingProfiles
    | GetCompositeSchedule
    | GetVariables
    | SetVariables
    | TriggerMessage
    | ChangeAvailability
    | Reset
    | UnlockConnector
    | Upkeep
)
CommandAnswer = StatusAnswer | VariablesAnswer | SetAnswer | TransactionStatusAnswer | CompositeAnswer

_variables_answer = msgspec.json.Decoder(VariablesAnswer)
_set_answer = msgspec.json.Decoder(SetAnswer)
_transaction_answer = msgspec.json.Decoder(TransactionStatusAnswer)
_composite_answer = msgspec.json.Decoder(CompositeAnswer)
_status_answer = msgspec.json.Decoder(StatusAnswer)


def read_answer(command: Command, payload: msgspec.Raw) -> CommandAnswer | Refusal:
    """What the station's result says, or why nobody can read it."""
    match command:
        case GetVariables():
            return read_payload(_variables_answer, payload)
        case SetVariables():
            return read_payload(_set_answer, payload)
        case GetTransactionStatus():
            return read_payload(_transaction_answer, payload)
        case GetCompositeSchedule():
            return read_payload(_composite_answer, payload)
    return read_payload(_status_answer, payload)
