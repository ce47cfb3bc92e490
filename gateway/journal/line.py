"""One event as one line of JSON: written without the `json` module, which a pipe command does not load."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.mta import Event

LONGEST_TEXT = 4096
"""[characters] More of one value is cut off."""
MOST_ITEMS = 100
"""More of one list are left out."""
FRONT = b'{"when": "'
"""What every line begins with."""

_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_BMP = 0xFFFF


def encode(event: Event, when_ns: int) -> bytes:
    """Return the line for an event at a time [ns since 1970], its line end included."""
    seconds, fraction = divmod(when_ns, 1_000_000_000)
    when = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09}Z"
    return (
        f'{{"when": "{when}", "pid": {os.getpid()}, "event": {_text(event.kind.value)}, '
        f'"packet": {_text(event.packet)}, "node": {_text(event.node)}, "niceness": {event.niceness}, '
        f'"size": {event.size}, "text": {_text(event.text)}, "detail": {_json(event.detail)}}}\n'
    ).encode("ascii")


def _json(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, (bool, int)):
        return "null" if value is None else str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([_json(item) for item in value[:MOST_ITEMS]]) + "]"
    if isinstance(value, float) and value - value == 0:
        return repr(value)
    if isinstance(value, Mapping):  # last: abstract classes are slow to ask
        pairs = list(value.items())[:MOST_ITEMS]
        return "{" + ", ".join([f"{_text(str(key))}: {_json(item)}" for key, item in pairs]) + "}"
    return _text(str(value))


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + "..."
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isascii() and character.isprintable():
        return character
    number = ord(character)
    if number > _BMP:
        number -= _BMP + 1
        return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
    return f"\\u{number:04x}"
