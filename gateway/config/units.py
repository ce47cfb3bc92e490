"""Durations and sizes as people write them: `"5d"`, `"1h30m"`, `"256 MiB"`, both ways."""

from __future__ import annotations

import re

__all__ = ["duration", "duration_text", "size", "size_text"]

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
# Patterns as text are compiled when first used, not once a message.
_DURATION = r"(?a:(?:\d+(?:\.\d+)?\s*[wdhms]\s*)+)"
_DURATION_PART = r"(?a:(\d+(?:\.\d+)?)\s*([wdhms]))"
_BINARY = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
_BYTES = {**_BINARY, "TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 1000, "B": 1, "": 1}
_BYTES_FOLDED = {unit.lower(): factor for unit, factor in _BYTES.items()}
_SIZE = r"(?a:(\d+(?:\.\d+)?)\s*([A-Za-z]*))"
_MAX = 1 << 62


def duration(value: object) -> float:
    """Return seconds for a number of them or for text such as ``"5d"`` or ``"1h30m"``.

    Raises:
        ValueError: says what was expected.
    """
    seconds: float
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and re.fullmatch(_DURATION, value.strip()):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_DURATION_PART, value))
    else:
        msg = 'a duration was expected, such as "90s", "5m", "1h30m" or "5d"'
        raise ValueError(msg)
    if not 0 < seconds < _MAX:
        msg = "a duration greater than zero was expected"
        raise ValueError(msg)
    return float(seconds)


def duration_text(seconds: float) -> str:
    """Return the shortest text that `duration` reads as `seconds`."""
    if not seconds.is_integer():
        return f"{seconds:f}".rstrip("0") + "s"
    unit = next(unit for unit, factor in _SECONDS.items() if seconds % factor == 0)
    return f"{int(seconds) // _SECONDS[unit]}{unit}"


def size(value: object) -> int:
    """Return bytes for a number of them or for text such as ``"256 MiB"`` or ``"10 GB"``.

    Raises:
        ValueError: says what was expected.
    """
    expected = 'a size was expected, such as "256 MiB", "10 GB" or a number of bytes'
    if isinstance(value, int) and not isinstance(value, bool):
        count: float = value
    elif isinstance(value, str) and (found := re.fullmatch(_SIZE, value.strip())):
        factor = _BYTES_FOLDED.get(found[2].lower())
        if factor is None:
            msg = f"unknown unit {found[2]!r}; {expected}"
            raise ValueError(msg)
        count = int(found[1]) * factor if found[1].isdigit() else float(found[1]) * factor
    else:
        raise ValueError(expected)
    if not 0 <= count < _MAX:
        raise ValueError(expected)
    return int(count)


def size_text(count: int) -> str:
    """Return text that `size` reads as `count`: in the greatest binary unit that divides it."""
    for unit, factor in _BINARY.items():
        if count and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"
