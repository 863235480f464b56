"""Texts from elsewhere as any database takes them: PostgreSQL takes no NUL, which is made visible as U+FFFD."""


def storable(text: str) -> str:
    """A text without NUL."""
    return text.replace("\x00", "\ufffd")


def text_of(raw: bytes) -> str:
    """Bytes as text without NUL; what is no UTF-8 is made visible too."""
    return storable(raw.decode("utf-8", "replace"))
