"""The driver's cars: name, battery, power, phases, where charging normally stops."""

from collections.abc import Callable
from dataclasses import dataclass

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_desk, use_texts
from app.widgets.amounts import micro
from app.widgets.cards import bone, card, stack
from app.widgets.keyed import keyed
from shared.vehicles import Vehicle, VehicleUpdate

CAPACITY_WH = (1_000, 250_000)
POWER_W = (1_380, 43_000)


@ft.component
def Vehicles() -> ft.Control:
    """Every car with a form."""
    desk, t, board = use_desk(), use_texts(), use_board()

    async def load() -> None:
        await intents.load_vehicles(desk)

    ft.use_effect(load, [])
    cars = board.vehicles
    if cars.first_load:
        return card([theme.heading(t("settings.car")), bone(180)])
    if not cars.value:
        return card([theme.heading(t("settings.car")), theme.body(t("settings.car.none"), theme.MUTED)])
    return stack([keyed(_Car, str(one.id), one) for one in cars.value])


@dataclass(frozen=True)
class Typed:
    """The form as typed; kWh and kW in the language's own writing."""

    name: str
    capacity: str
    power: str
    phases: int
    target_pct: int

    def errors(self, t: Texts) -> dict[str, str]:
        """What is wrong, by field."""
        capacity, power = _units(self.capacity), _units(self.power)
        wrong = {
            "name": not self.name.strip(),
            "capacity": capacity is None or not CAPACITY_WH[0] <= capacity <= CAPACITY_WH[1],
            "power": power is None or not POWER_W[0] <= power <= POWER_W[1],
        }
        return {field: t(f"settings.car.error.{field}") for field, bad in wrong.items() if bad}

    def change(self) -> VehicleUpdate:
        """The form as the API takes it; only without errors."""
        capacity, power = _units(self.capacity), _units(self.power)
        assert capacity is not None
        assert power is not None
        return VehicleUpdate(
            name=self.name.strip(),
            capacity_wh=capacity,
            max_ac_w=power,
            phases=self.phases,
            target_pct=self.target_pct,
        )

    def typed(self, name: str, value: str | int) -> "Typed":
        """The form after a change of one field."""
        return Typed(**{**vars(self), name: value})


def _units(text: str) -> int | None:
    """Thousands of a unit as typed (7,4 kW) in that unit (7400 W)."""
    amount = micro(text)
    return amount // 1000 if amount is not None else None


@ft.component
def _Car(vehicle: Vehicle) -> ft.Control:
    desk, t = use_desk(), use_texts()
    typed, set_typed = ft.use_state(
        Typed(
            vehicle.name,
            t.form.number(vehicle.capacity_wh / 1000, 1),
            t.form.number(vehicle.max_ac_w / 1000, 1),
            vehicle.phases,
            vehicle.target_pct,
        )
    )
    busy, set_busy = ft.use_state(initial=False)
    errors = typed.errors(t)

    async def save() -> None:
        set_busy(True)
        await intents.change_vehicle(desk, vehicle.id, typed.change())
        set_busy(False)

    icon = ft.Icon(ft.Icons.DIRECTIONS_CAR_OUTLINED, color=theme.VALLEY)
    head = ft.Row([icon, ft.Container(theme.heading(vehicle.name), expand=True)], spacing=12)
    button = ft.FilledButton(t("act.save"), on_click=save, disabled=busy or bool(errors), key="save-car")
    return card([head, *_fields(t, typed, errors, set_typed), ft.Row([button])], spacing=14, key="car")


def _fields(t: Texts, typed: Typed, errors: dict[str, str], change: Callable[[Typed], None]) -> list[ft.Control]:
    def field(name: str, label: str) -> ft.Control:
        return ft.TextField(
            border=theme.FIELD,
            label=t(label),
            value=str(getattr(typed, name)),
            error=errors.get(name),
            error_max_lines=3,
            keyboard_type=ft.KeyboardType.TEXT if name == "name" else ft.KeyboardType.NUMBER,
            on_change=lambda event: change(typed.typed(name, event.control.value or "")),
            key=f"car-{name}",
        )

    phases = ft.SegmentedButton(
        [ft.Segment(str(count), label=str(count)) for count in (1, 2, 3)],
        selected=[str(typed.phases)],
        show_selected_icon=False,
        on_change=lambda event: change(typed.typed("phases", int(event.control.selected[0]))),
        key="car-phases",
    )
    target = ft.Slider(
        value=typed.target_pct,
        min=20,
        max=100,
        divisions=16,
        label="{value} %",
        on_change=lambda event: change(typed.typed("target_pct", round(event.control.value or 80))),
        key="car-target",
    )
    numbers: list[ft.Control] = [
        ft.Container(field("capacity", "settings.car.capacity"), expand=True),
        ft.Container(field("power", "settings.car.power"), expand=True),
    ]
    return [
        field("name", "settings.car.name"),
        ft.Row(numbers, spacing=12, vertical_alignment=ft.CrossAxisAlignment.START),
        ft.Row([theme.body(t("settings.car.phases")), phases], alignment=ft.MainAxisAlignment.SPACE_BETWEEN),
        stack([theme.body(t("settings.car.target", pct=typed.target_pct)), target], 0),
    ]
