"""The planner that is replayed, walk-forward: what it has learnt by a plug-in, and what it decides then.

It learns from stays that have ended by then, and from nothing else: their times and energies (`replay_lessons`), how
its own forecasts fared (`calibration`), and what its own plans left missing in them (`dial`). What an answer would be
worth it knows from its own forecasts.
"""

import heapq
import zlib

import msgspec
import numpy as np

from server.core import (
    appetite,
    calibration,
    chance_plan,
    departure,
    dial,
    replay_lessons,
    replay_planner,
    worth_asking,
)
from server.core.calibration import Record
from server.core.chance_plan import Ahead, Stakes
from server.core.demand import HISTORY, estimate
from server.core.departure import Departures, Floats
from server.core.localtime import Ints
from server.core.replay_case import Case
from server.core.replay_lessons import Lessons
from server.core.replay_planner import Rule, Window
from server.core.replay_prices import PriceRaster
from server.core.replay_settings import EnergyKnowledge, Settings
from shared.units import SLOT_SECONDS

HORIZON_SLOTS = 288
"""A plan looks three days ahead; what a car still needs after that it takes at once."""
OWN_PLACE = "home_private"
"""A location type that is another place for each driver; sessions files do not name places."""
FIRST_NUMBER = {Rule.SLOTS: 0.08, Rule.GAP: 1.0}
"""The dial's numbers of the rules of engine A3 in parts of those of the best plan, about."""
DWELL_QUANTILE = 0.2
NOISE_S = 1_800
"""A driver who is asked names a time that is right to half an hour either way."""


class Decision(msgspec.Struct, frozen=True, eq=False):
    """A plan made at plug-in, what was forecast before anybody was asked, and whether the driver was."""

    planned_wh: Ints
    survival: Floats
    asked: bool = False


class Walk:
    """A planner on its way through the sessions, in the order of plug-in."""

    def __init__(self, known: Lessons, prices: PriceRaster, settings: Settings) -> None:
        self._known, self._prices, self._settings = known, prices, settings
        self._running: list[tuple[int, int, int]] = []
        self._staying: list[tuple[int, int, str, tuple[float, float]]] = []
        self._records: dict[str, Record] = {}
        self._balance = 0.0
        self._values: list[float] = []
        self._asked = 0

    def decide(self, case: Case) -> Decision:
        """What to do with a car that is plugged in now."""
        self._look_at_what_ended(case.arrived_s)
        window = self._window(case)
        if self._settings.rule is not Rule.BEST:
            return Decision(self._by_rule(case, window), window.survival)
        wanted = replay_lessons.wanted(self._known, case.row)
        if self._settings.energy is EnergyKnowledge.KNOWN:
            wanted = appetite.certain(case.energy_wh)
        stakes = self._stakes()
        ahead = Ahead(window.prices, int(window.room_wh[0]), case.power_w // 4, window.survival, wanted)
        asked = self._asks(ahead, stakes)
        if asked:
            slots = len(window.prices)
            told = departure.answered(answer_s(case), case.arrived_s, case.first_s, slots, SLOT_SECONDS)
            ahead = msgspec.structs.replace(ahead, survival=told)
        planned = np.where(chance_plan.plan(ahead, stakes).charges, window.room_wh, 0)
        return Decision(planned, window.survival, asked)

    def learn(self, case: Case, delivered_wh: int) -> None:
        """What became of a session; it is looked at when the stay has ended."""
        heapq.heappush(self._running, (case.left_s, case.row, case.energy_wh - delivered_wh))

    def _look_at_what_ended(self, now_s: int) -> None:
        while self._running and self._running[0][0] <= now_s:
            missing_wh = heapq.heappop(self._running)[2]
            self._balance = dial.after(self._settings.dial, self._balance, missing_wh)

    def _stakes(self) -> Stakes:
        if self._settings.risk is not None:
            return Stakes(self._settings.risk, self._settings.short_wh, self._settings.floor_wh)
        risk = dial.risk_eur(self._settings.dial, self._balance, self._settings.first_risk)
        return Stakes(risk, dial.SHORT_WH, self._settings.floor_wh)

    def _asks(self, ahead: Ahead, stakes: Stakes) -> bool:
        if self._settings.ask is None:
            return False
        value = chance_plan.worth_of_asking(ahead, stakes)
        asks = worth_asking.worth_it(value, self._values, self._asked, self._settings.ask)
        self._values.append(value)
        self._asked += asks
        return asks

    def _window(self, case: Case) -> Window:
        """What a plan at plug-in may use: slots with known prices, with no regard to when the car will leave."""
        slots = self._prices.known(case.first_s, HORIZON_SLOTS)
        leaving = replay_lessons.leaving(self._known, case.row)
        trust = self._trust(case, leaving)
        return Window(
            prices=self._prices.window(case.first_s, slots),
            room_wh=replay_planner.rooms(case.power_w, case.arrived_s, case.first_s + slots * SLOT_SECONDS),
            survival=departure.chances(leaving, case.arrived_s, case.first_s, slots, SLOT_SECONDS, trust),
        )

    def _trust(self, case: Case, leaving: Departures) -> Floats | None:
        """What forecasts have earned at a place, by the stays that have ended there."""
        while self._staying and self._staying[0][0] <= case.arrived_s:
            *_, place, fate = heapq.heappop(self._staying)
            self._records[place] = calibration.after(self._records.get(place, Record()), fate)
        place = self._known.places[case.row]
        if place == OWN_PLACE:
            place = f"{place} {self._known.user[case.row]}"
        heapq.heappush(self._staying, (case.left_s, case.row, place, departure.fate(leaving, case.left_s)))
        return calibration.trust(self._records.get(place, Record()))

    def _by_rule(self, case: Case, window: Window) -> Ints:
        """The rules of engine A3 and the yardstick, by one number for the energy."""
        settings, energy_wh = self._settings, case.energy_wh
        if settings.energy is EnergyKnowledge.ESTIMATED:
            energy_wh, _ = estimate(replay_lessons.past_energies(self._known, case.row, HISTORY))
        if settings.rule is Rule.QUANTILE:
            dwells = replay_lessons.past_stays_s(self._known, case.row)
            until_s = case.arrived_s + float(np.quantile(dwells, DWELL_QUANTILE)) if len(dwells) else case.arrived_s
            return replay_planner.by_deadline(window, energy_wh, int(until_s - case.first_s) // SLOT_SECONDS)
        risk = settings.risk
        if risk is None:
            risk = FIRST_NUMBER[settings.rule] * dial.risk_eur(settings.dial, self._balance)
        return replay_planner.plan(settings.rule, window, energy_wh, settings.floor_wh, risk)


def answer_s(case: Case) -> int:
    """What the driver says when asked: the true departure, off by up to half an hour (from the session's id)."""
    spread = zlib.crc32(f"asked {case.session_id}".encode()) % (2 * NOISE_S + 1)
    return max(case.arrived_s, case.left_s + spread - NOISE_S)
