"""Frames of a station that compresses them though nobody agreed to it (dallmann-consulting/OCPP.Core#45)."""

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame


class Inflate(PerMessageDeflate):
    """Reads compressed messages, each by itself; says nothing compressed."""

    def __init__(self) -> None:
        """Windows of 32 KiB, as a station takes that asks nobody."""
        super().__init__(
            remote_no_context_takeover=True,
            local_no_context_takeover=True,
            remote_max_window_bits=15,
            local_max_window_bits=15,
        )

    def encode(self, frame: Frame) -> Frame:
        """As it is."""
        return frame
