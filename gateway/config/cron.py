"""Cron expressions in NNCP's dialect (NNCP SPEC 13), from text to the times they name.

Five fields, minute to day of week; a sixth is the year; of seven the first is the second.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Cron", "Days", "parse"]

_NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE",
    "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
_DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_SHORT = 3
_SUNDAY_TOO = 7


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, _DAYS)
_YEAR = _Field("year", 1970, 2099)
_FIVE, _WITH_YEAR = 5, 6

_ITEM = re.compile(r"(?:(\*|\?)|([0-9A-Z]+)(?:-([0-9A-Z]+))?)(?:/([0-9]{1,4}))?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_LAST = re.compile(r"([0-9A-Z]+)L")
_OF_MONTH = re.compile(r"([0-9A-Z]+)#([1-5])")


class Days(NamedTuple):
    """Which days of a month, or of a week (0 is Sunday) in a month.

    `restricted` is whether anything but every day was asked for. `last` are weekdays whose last
    day in a month is meant, 0 standing for the month's own last day; `nearest` are days in
    whose place the nearest working day counts, 0 standing for the last working day; `numbered`
    are a weekday and which one of the month it is.
    """

    restricted: bool
    each: frozenset[int]
    last: frozenset[int] = frozenset()
    nearest: frozenset[int] = frozenset()
    numbered: frozenset[tuple[int, int]] = frozenset()


class Cron(NamedTuple):
    """The times that an expression names, in local time; numbers ascend."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    weekdays: Days
    years: tuple[int, ...]


def parse(expression: str) -> Cron:
    """Read what NNCP's caller accepts; more than seven fields are ignored, as there.

    Raises:
        ValueError: says which field is wrong. NNCP itself crashes on a reversed range.
    """
    written = _NAMES.get(expression.strip().lower(), expression).upper().split()
    if len(written) < _FIVE:
        msg = f"a cron expression of five to seven fields was expected, or one of {' '.join(_NAMES)}"
        raise ValueError(msg)
    second = written.pop(0) if len(written) > _WITH_YEAR else "0"
    minute, hour, day, month, weekday, year = [*written, "*"][:_WITH_YEAR]
    return Cron(
        seconds=_numbers(_SECOND, second),
        minutes=_numbers(_MINUTE, minute),
        hours=_numbers(_HOUR, hour),
        days=_days(day),
        months=_numbers(_MONTH, month),
        weekdays=_weekdays(weekday),
        years=_numbers(_YEAR, year),
    )


def _days(text: str) -> Days:
    each: set[int] = set()
    last: set[int] = set()
    nearest: set[int] = set()
    for item in text.split(","):
        if item == "L":
            last.add(0)
        elif item == "LW":
            nearest.add(0)
        elif found := _NEAREST.fullmatch(item):
            nearest.add(_number(_DAY, found[1]))
        else:
            each.update(_item(_DAY, item))
    restricted = not {"*", "?"} & set(text.split(","))
    return Days(restricted, frozenset(each), last=frozenset(last), nearest=frozenset(nearest))


def _weekdays(text: str) -> Days:
    each: set[int] = set()
    last: set[int] = set()
    numbered: set[tuple[int, int]] = set()
    for item in text.split(","):
        if found := _LAST.fullmatch(item):
            last.add(_number(_WEEKDAY, found[1]) % _SUNDAY_TOO)
        elif found := _OF_MONTH.fullmatch(item):
            numbered.add((_number(_WEEKDAY, found[1]) % _SUNDAY_TOO, int(found[2])))
        else:
            each.update(day % _SUNDAY_TOO for day in _item(_WEEKDAY, item))
    restricted = not {"*", "?"} & set(text.split(","))
    return Days(restricted, frozenset(each), last=frozenset(last), numbered=frozenset(numbered))


def _numbers(field: _Field, text: str) -> tuple[int, ...]:
    return tuple(sorted({number for item in text.split(",") for number in _item(field, item)}))


def _item(field: _Field, item: str) -> range:
    found = _ITEM.fullmatch(item)
    if found is None or (found[4] is not None and not int(found[4])):
        msg = f"{field.name}: {item!r} is no number, range or step"
        raise ValueError(msg)
    step = int(found[4] or 1)
    if found[1] is not None:
        # 7 is a second name of Sunday: to step over it would shift the days.
        high = field.high - 1 if field is _WEEKDAY else field.high
        return range(field.low, high + 1, step)
    low = _number(field, found[2])
    if found[3] is None:
        return range(low, (field.high if found[4] else low) + 1, step)
    high = _number(field, found[3])
    if high < low:
        msg = f"{field.name}: the range {item!r} runs backwards"
        raise ValueError(msg)
    return range(low, high + 1, step)


def _number(field: _Field, word: str) -> int:
    for place, name in enumerate(field.words):
        if word in (name, name[:_SHORT]):
            return place + field.low
    if not word.isdigit() or not field.low <= int(word) <= field.high:
        msg = f"{field.name}: {word} is not within {field.low} to {field.high}"
        raise ValueError(msg)
    return int(word)
