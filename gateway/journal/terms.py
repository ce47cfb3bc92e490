"""By which words an event can be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.journal.entry import Entry

PACKET, SESSION, OTHER = "packet", "session", "other"
"""Kinds of terms: events about the same packet belong together, and to the sessions that carried it."""


def folded(text: str) -> str:
    """Return a word as it is compared: without angle brackets and blanks around it, without case."""
    return text.strip().removeprefix("<").removesuffix(">").casefold()


def terms(entry: Entry) -> set[tuple[str, str]]:
    """Return kind and folded word of everything that an event can be found by."""
    found = {(kind, folded(word)) for kind, word in _terms(entry)}
    return {(kind, word) for kind, word in found if word}


def _terms(entry: Entry) -> Iterator[tuple[str, str]]:
    detail = entry.detail
    yield PACKET, entry.packet
    for key in ("inner", "as", "of", "report_of"):
        yield PACKET, _text(detail.get(key))
    for name in _list(detail.get("layers")):
        yield PACKET, _text(name)
    yield SESSION, _text(detail.get("session"))
    for key in ("message_id", "queue_ids", "delay_of"):
        for word in _list(detail.get(key)):
            yield OTHER, _text(word)
    for message in _list(detail.get("messages")):
        if isinstance(message, Mapping):
            for key in ("id", "queue", "from", "to"):
                for word in _list(message.get(key)):
                    yield OTHER, _text(word)
    for word in _list(detail.get("arguments")):
        if "@" in _text(word):
            yield OTHER, _text(word)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
