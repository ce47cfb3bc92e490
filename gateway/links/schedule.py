"""When calls are due: the next time a cron expression names, and the calls of a neighbour as values."""

from __future__ import annotations

import calendar
from bisect import bisect_left
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.config import cron
from gateway.links.session import Rules, deadline
from gateway.packet.niceness import parse as niceness
from gateway.packet.plain import PacketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config.model import Neighbour

_LEAVE = {
    PacketType.EXEC: "autotoss-noexec",
    PacketType.EXEC_FAT: "autotoss-noexec",
    PacketType.TRNS: "autotoss-notrns",
}
_FRIDAY = 4
_WEEK = 7


class Call(NamedTuple):
    """One entry of a neighbour's `calls`: when, over which addresses, and by which rules.

    `if_waiting` asks for a packet to be sent, or there is no call. `toss` is whether what
    arrived is worked through at the end of it, `leave` the kinds of packets that are not.
    """

    cron: cron.Cron
    text: str
    addresses: tuple[str, ...]
    rules: Rules
    if_waiting: bool = False
    toss: bool = False
    leave: frozenset[PacketType] = frozenset()

    def due(self, after: float) -> float | None:
        """Return the next time of it later than `after`, both unix seconds; None if never again."""
        return next_time(self.cron, after)


def calls_of(neighbour: Neighbour) -> tuple[Call, ...]:
    """Return a neighbour's calls; the configuration has checked their keys.

    `maxonlinetime` is not inherited from the neighbour, as in NNCP.
    """
    return tuple(_call(neighbour, dict(entry)) for entry in neighbour.calls)


def _call(neighbour: Neighbour, entry: Mapping[str, Any]) -> Call:
    address = entry.get("addr")
    only = entry.get("xx")
    return Call(
        cron=cron.parse(entry["cron"]),
        text=entry["cron"],
        addresses=(
            tuple(neighbour.addrs.values()) if address is None else (neighbour.addrs.get(address, address),)
        ),
        rules=Rules(
            receive=only != "tx",
            send=only != "rx",
            max_niceness=niceness(entry.get("nice", "255")),
            onlinedeadline=entry.get("onlinedeadline", neighbour.onlinedeadline),
            maxonlinetime=entry.get("maxonlinetime", 0),
            rxrate=entry.get("rxrate", neighbour.rxrate),
            txrate=entry.get("txrate", neighbour.txrate),
            deadline=deadline(),
        ),
        if_waiting=entry.get("when-tx-exists", False),
        toss=entry.get("autotoss", False),
        leave=frozenset(kind for kind, key in _LEAVE.items() if entry.get(key)),
    )


def next_time(expression: cron.Cron, after: float) -> float | None:
    """Return the first time later than `after` that an expression names, unix seconds; None for never.

    Local time. What the clocks skip in spring comes as much later; in the hour that they repeat in autumn
    an expression names both times.
    """
    wall = datetime.fromtimestamp(after).replace(microsecond=0, fold=0)
    found = _later(expression, wall, after, fold=0)
    shift = timedelta(hours=3)  # more than any clock is ever set back
    again = _later(expression, wall - shift, after, fold=1)
    return min((moment for moment in (found, again) if moment is not None), default=None)


def _later(expression: cron.Cron, wall: datetime, after: float, *, fold: int) -> float | None:
    for named in _walls(expression, wall):
        moment = named.replace(fold=fold).timestamp()
        # A time that the clocks skip has two readings; one of them is enough.
        if moment > after and (not fold or datetime.fromtimestamp(moment).replace(fold=0) == named):
            return moment
    return None


def _walls(expression: cron.Cron, wall: datetime) -> Iterator[datetime]:
    """Yield the local times that an expression names, ascending, later than `wall`."""
    for day in _days(expression, wall.date()):
        first = wall.time() if day == wall.date() else None
        for hour in expression.hours:
            if first and hour < first.hour:
                continue
            for minute in expression.minutes:
                if first and (hour, minute) < (first.hour, first.minute):
                    continue
                for second in expression.seconds:
                    at = time(hour, minute, second)
                    if first is None or at > first:
                        yield datetime.combine(day, at)


def _days(expression: cron.Cron, start: date) -> Iterator[date]:
    years = expression.years
    for year in years[bisect_left(years, start.year) :]:
        for month in expression.months:
            if (year, month) < (start.year, start.month):
                continue
            for number in sorted(_days_of(expression, year, month)):
                day = date(year, month, number)
                if day >= start:
                    yield day


def _days_of(expression: cron.Cron, year: int, month: int) -> set[int]:
    """Return the days of a month; where both fields restrict them, either is enough."""
    of_month, of_week = expression.days, expression.weekdays
    weekday, length = calendar.monthrange(year, month)
    if not of_month.restricted and not of_week.restricted:
        return set(range(1, length + 1))
    found: set[int] = set()
    if of_month.restricted:
        found.update(day for day in of_month.each if day <= length)
        found.update({length} & {length if of_month.last else 0})
        found.update(
            _working_day(day or length, weekday, length) for day in of_month.nearest if day <= length
        )
    if of_week.restricted:
        for day in range(1, length + 1):
            which = (weekday + day) % _WEEK  # 0 is Sunday
            if which in of_week.each or (which, (day - 1) // _WEEK + 1) in of_week.numbered:
                found.add(day)
            if which in of_week.last and day + _WEEK > length:
                found.add(day)
    return found


def _working_day(day: int, first: int, length: int) -> int:
    """Return the working day nearest to a day of the month whose 1st is weekday `first`, 0 being Monday."""
    over = (first + day - 1) % _WEEK - _FRIDAY
    if over == 1:  # Saturday
        return day - 1 if day > 1 else day + 2
    if over == 2:  # noqa: PLR2004 - Sunday
        return day + 1 if day < length else day - 2
    return day
