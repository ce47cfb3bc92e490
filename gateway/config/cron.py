"""Whether a cron expression is plausible (NNCP SPEC 13); the caller's schedule reads it in full."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["plausible"]

_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    special: str = ""


_SECOND = _Field("second", 0, 59)
_FIVE = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, special=r"L|LW|[0-9]{1,2}W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS, r"(?:[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5])"),
)
_YEAR = _Field("year", 1970, 2099)
_ITEM = re.compile(r"(?:(\*|\?)|([0-9A-Z]+)(?:-([0-9A-Z]+))?)(?:/([0-9]{1,4}))?")
_WITH_YEAR = 6


def plausible(expression: str) -> None:
    """Accept what NNCP's caller accepts, bar impossible dates.

    Raises:
        ValueError: says which field is wrong. NNCP itself crashes on a reversed range.
    """
    if expression.strip().lower() in _NAMES:
        return
    written = expression.upper().split()
    if len(written) < len(_FIVE):
        msg = f"a cron expression of five to seven fields was expected, or one of {' '.join(_NAMES)}"
        raise ValueError(msg)
    fields: tuple[_Field, ...] = _FIVE
    if len(written) >= _WITH_YEAR:
        fields = (*_FIVE, _YEAR) if len(written) == _WITH_YEAR else (_SECOND, *_FIVE, _YEAR)
    for field, text in zip(fields, written, strict=False):
        for item in text.split(","):
            _check(field, item)


def _check(field: _Field, item: str) -> None:
    if field.special and re.fullmatch(field.special, item):
        return
    found = _ITEM.fullmatch(item)
    if found is None or found[4] == "0":
        msg = f"{field.name}: {item!r} is no number, range or step"
        raise ValueError(msg)
    if found[1] is None:
        low = _number(field, found[2])
        if found[3] is not None and _number(field, found[3]) < low:
            msg = f"{field.name}: the range {item!r} runs backwards"
            raise ValueError(msg)


def _number(field: _Field, word: str) -> int:
    if word in field.words:
        return field.words.index(word) + field.low
    if not word.isdigit() or not field.low <= int(word) <= field.high:
        msg = f"{field.name}: {word} is not within {field.low} to {field.high}"
        raise ValueError(msg)
    return int(word)
