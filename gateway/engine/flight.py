"""The steps of a canary with their times, and what to do about one that is missing."""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.canary import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.engine.canary import Sight
    from gateway.journal.entry import Entry
    from gateway.spool.canary import Canary

STEPS = ("queued", "sent", "back", "tossed")
"""In the order in which they happen; each proves those before it."""

_PROVED = {
    Where.WAITING: 1,
    Where.STOPPED: 1,
    Where.AWAY: 2,
    Where.BACK: 3,
    Where.HELD: 3,
    Where.TOSSED: 4,
}
_SECONDS = len("2026-01-01T00:00:00")


class Step(NamedTuple):
    """A step that was taken: when [unix s], None where nobody saw it; and what the journal tells of it."""

    name: str
    when: float | None
    told: Entry | None = None


class Flight(NamedTuple):
    """What is known of one canary; `steps` are those it has behind it."""

    canary: Canary
    sight: Sight
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float | None:
        """From the first step to the last one, if it arrived and both were seen."""
        first, last = self.steps[0].when, self.steps[-1].when
        if self.sight.where is not Where.TOSSED or first is None or last is None:
            return None
        return max(0.0, last - first)


def flight(canary: Canary, sight: Sight, told: Iterable[Entry], seen: Mapping[str, float]) -> Flight:
    """Return the steps, with the times of the journal; else those at which somebody `seen` them."""
    events = {(entry.event, entry.packet): entry for entry in told}
    entries = {
        "queued": events.get(("submitted", canary.packet)),
        "sent": events.get(("sent", canary.packet)),
        "back": events.get(("received", canary.inner)),
        "tossed": events.get(("delivered", canary.inner)),
    }
    times = {**seen, "queued": canary.queued}
    if sight.since and sight.where in (Where.BACK, Where.TOSSED):
        times["back" if sight.where is Where.BACK else "tossed"] = sight.since
    for name, entry in entries.items():
        if entry is not None and name != "queued":
            times[name] = moment(entry.when)
    proved = STEPS[: _PROVED[sight.where]]
    return Flight(canary, sight, tuple(Step(name, times.get(name), entries[name]) for name in proved))


def moment(when: str) -> float:
    """Return a time of the journal as unix seconds."""
    seconds = calendar.timegm(time.strptime(when[:_SECONDS], "%Y-%m-%dT%H:%M:%S"))
    return seconds + float(f"0{when[_SECONDS:].removesuffix('Z') or '.0'}")


def advice(flown: Flight, node: str, hop: str) -> str:
    """Say what is proved last and what to do; `hop` is the name of the first hop to `node`."""
    canary, sight = flown.canary, flown.sight
    why = f": {sight.reason}" if sight.reason else ""
    match sight.where:
        case Where.TOSSED:
            return "it arrived"
        case Where.WAITING:
            return (
                f"it waits here for {hop}: `gateway call {hop}`, or carry it (gateway xfer, gateway bundle);"
                f" `gateway node probe {hop}` says whether {hop} answers"
            )
        case Where.STOPPED:
            return f"it was stopped here{why}: `gateway queue release {canary.packet[:12]}` lets it go"
        case Where.BACK:
            return "it is back, and waits here to be verified: `gateway toss` (or gateway serve) has not run"
        case Where.HELD:
            return f"it is back, but held{why}: `gateway queue show {canary.inner[:12]}`"
    way = "" if hop == node else f", or {hop} on the way"
    return (
        f"it left for {hop}, and nothing came back. Either {node}{way} has not tossed it (there: gateway toss"
        " or nncp-toss); or does not know us and holds it (there: gateway queue list --state held; add"
        f" what `gateway node self` prints here); or has it ready for us (gateway call {hop})"
    )
