"""Where a live demo stopped, so that the next `up --demo` goes on from there."""

import hashlib
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from server.settings import BadSetting, Settings
from server.simulator.car import moment_of
from server.simulator.memory import Memory

LOCAL = ZoneInfo("Europe/Amsterdam")
STARTS_AT = time(16, 30)
"""The demo begins shortly before people come home."""
FIRST_SEED = 1


class DemoState(msgspec.Struct):
    """A town's seed and first moment, the database that holds it (a digest of its URL), and how the town stands."""

    seed: int
    began: datetime
    database: str
    memory: Memory | None = None

    @property
    def now(self) -> datetime:
        """The moment to go on from."""
        return self.began if self.memory is None else moment_of(self.memory.now_us)


def load(settings: Settings, seed: int | None) -> DemoState:
    """The demo of this installation, else a new one that begins this afternoon. `seed` None: whichever there is.

    Raises:
        BadSetting: where another town lives here, or what was kept cannot be read.
    """
    path, digest = _file(settings.home), hashlib.sha256(settings.database_url.encode()).hexdigest()
    kept = _read(path)
    if kept is None or kept.database != digest:
        today = datetime.now(LOCAL).date()
        began = datetime.combine(today, STARTS_AT, LOCAL).astimezone(UTC)
        return DemoState(FIRST_SEED if seed is None else seed, began, digest)
    if seed not in (None, kept.seed):
        raise BadSetting(
            f"{settings.home} holds the town of seed {kept.seed}: leave out --seed, or set DALSTROOM_HOME elsewhere"
        )
    return kept


def keep(settings: Settings, state: DemoState) -> None:
    """Write it down; a reader sees the old or the new, never half of one."""
    path = _file(settings.home)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(path)


def _file(home: Path) -> Path:
    return home / "demo.json"


def _read(path: Path) -> DemoState | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=DemoState)
    except msgspec.DecodeError as error:
        raise BadSetting(f"{path} cannot be read: delete it, and the demo begins anew") from error
