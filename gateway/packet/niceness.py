"""Niceness, the urgency of a packet: 1 to 255, lower goes first, with names for the usual ones."""

from __future__ import annotations

FLASH = 32
PRIORITY = 96
NORMAL = 160
BULK = 224
MAX = 255

_BELOW = 31
_ABOVE = 32
_DIGITS = 9
_LETTERS = ((FLASH, "F"), (PRIORITY, "P"), (NORMAL, "N"), (BULK, "B"))
_NAMES = {
    "f": FLASH,
    "flash": FLASH,
    "p": PRIORITY,
    "priority": PRIORITY,
    "n": NORMAL,
    "normal": NORMAL,
    "b": BULK,
    "bulk": BULK,
    "max": MAX,
}


def parse(text: str) -> int:
    """Return the niceness that `text` means: ``96``, ``P``, ``normal``, ``F-5``, ``b+31``, ``MAX-1``.

    A step from a name goes 31 down or 32 up at most, never past 255, and not up from MAX,
    which NNCP lets wrap around.

    Raises:
        ValueError: the text means no niceness.
    """
    value = int(text) if _is_number(text) else _stepped(text)
    if not 1 <= value <= MAX:
        raise ValueError(f"{text!r} is no niceness (1 to 255, or F, P, N, B, MAX with -31 to +32)")
    return value


def format(value: int) -> str:  # noqa: A001 - read as niceness.format
    """Return the short form of a niceness, the way NNCP shows it: ``P``, ``N-3``, ``65``, ``MAX``."""
    if value == MAX:
        return "MAX"
    for base, letter in _LETTERS:
        if base - _BELOW < value <= base + _ABOVE:
            return letter if value == base else f"{letter}{value - base:+d}"
    return str(value)


def _stepped(text: str) -> int:
    for sign, most, direction in (("+", _ABOVE, 1), ("-", _BELOW, -1)):
        name, found, step = text.partition(sign)
        if not found:
            continue
        base = _NAMES.get(name.lower(), 0)
        if not base or base * direction == MAX or not _is_number(step) or int(step) > most:
            return 0
        return base + direction * int(step)
    return _NAMES.get(text.lower(), 0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS
