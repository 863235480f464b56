"""A station's list of tokens (OCPP 1.6 §5.10, §5.15): it lasts through a restart, as on most chargers."""

from collections.abc import Sequence
from typing import Any

LENGTH_MAX, MESSAGE_MAX = 100, 20


class LocalList:
    """Tokens and what is known of each, and the version of the list: 0 as long as it is empty."""

    def __init__(self) -> None:
        self.version = 0
        self.tokens: dict[str, Any] = {}

    def take(self, version: int, kind: str, entries: Sequence[dict[str, Any]]) -> str:
        """`Accepted`, `VersionMismatch` or `Failed`; an entry without anything known of it is taken out."""
        if kind == "Differential" and version <= self.version:
            return "VersionMismatch"
        after = {} if kind == "Full" else dict(self.tokens)
        for entry in entries:
            after.pop(entry["id_tag"], None)
            if entry.get("id_tag_info") is not None:
                after[entry["id_tag"]] = entry["id_tag_info"]
        if len(entries) > MESSAGE_MAX or len(after) > LENGTH_MAX:
            return "Failed"
        self.version, self.tokens = version, after
        return "Accepted"
