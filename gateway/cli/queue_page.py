"""A packet of the queue as a page for people: a fact a line."""

from __future__ import annotations

import time

from gateway.cli.queue_rows import age_text
from gateway.packet import niceness
from gateway.stderr import printable


def page(facts: dict[str, object], now: float) -> str:
    """Return the facts of one packet, a line each, for people; empty ones are left out."""
    lines = [str(facts["packet"])]
    for key, value in facts.items():
        if key == "packet" or value in (None, "", [], {}) or (key in ("attempts", "deaths") and not value):
            continue
        lines += [f"  {key.replace('_', ' '):12}  {text}" for text in _texts(key, value, now)]
    return "\n".join(lines)


def _texts(key: str, value: object, now: float) -> list[str]:
    """Return the lines for one fact."""
    match key, value:
        case "time" | "first" | "next" | "expires", int(moment):
            found = [_when(moment, now)]
        case "size", int(count):
            found = [f"{count} bytes"]
        case "niceness", int(number):
            found = [f"{number} ({niceness.format(number)})"]
        case "verified", bool(whole):
            found = ["to its last byte" if whole else "no"]
        case "envelopes", list(envelopes):
            found = [f"<{each['sender']}> to {', '.join(each['recipients'])}" for each in envelopes]
        case _, dict(transactions):
            found = [f"transaction {number}: {_who(what)}" for number, what in transactions.items()]
        case _, list(several):
            found = [str(each) for each in several]
        case _:
            found = [str(value)]
    return [printable(text) for text in found]


def _when(moment: float, now: float) -> str:
    distance = f"{age_text(now - moment)} ago" if moment <= now else f"in {age_text(moment - now)}"
    try:
        local = time.localtime(moment)
    except (OverflowError, OSError, ValueError):
        return f"{moment:g} (no time)"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S %z', local)} ({distance})"


def _who(what: object) -> str:
    if what is None:
        return "all of it"
    if isinstance(what, dict):
        return "; ".join(f"{who}: {said}" for who, said in what.items())
    return ", ".join(map(str, what)) if isinstance(what, list) else str(what)
