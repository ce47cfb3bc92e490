"""What ``gateway top`` shows as plain text, and as an object of JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from gateway.cli.queue_rows import age_text, size_text
from gateway.cli.table import Column, Tinted, show_table
from gateway.engine.shape import MINUTES
from gateway.journal.telling import TONES, account, local_time

if TYPE_CHECKING:
    from gateway.cli.table import Cell, Tone
    from gateway.cli.top_facts import Facts
    from gateway.journal.entry import Entry
    from gateway.service.overview import Standing
    from gateway.service.stock import Pile

_EVENTS = 10
_SHORT = 12
_SESSIONS: dict[str, str] = {"call-started": "under way", "call-finished": "well", "call-failed": "failed"}


def head(facts: Facts) -> str:
    """Return all of it in one line."""
    packets, octets = facts.waiting
    parts = [f"{packets} to go" + (f" ({size_text(octets)})" if packets else "")]
    parts += [f"oldest {age_text(facts.oldest)}"] if packets else []
    parts += [f"{facts.held} held", f"{size_text(facts.stock.free)} free"]
    return ", ".join(parts)


def session(standing: Standing, now: float) -> Tinted:
    """Return how the last session with a neighbour went, and how long ago."""
    from gateway.engine.flight import moment  # noqa: PLC0415 - the time of an event, only for those that have one

    entry = standing.session
    if entry is None:
        return Tinted("", "")
    tone: Tone = "bad" if entry.event == "call-failed" else "good"
    return Tinted(f"{_SESSIONS[entry.event]}, {age_text(max(0.0, now - moment(entry.when)))} ago", tone)


def count(pile: Pile, tone: Tone = "") -> Cell:
    """Return how many packets there are; few characters for none."""
    return Tinted(str(pile.packets), tone or "strong") if pile.packets else Tinted("-", "quiet")


def age(pile: Pile, now: float) -> str:
    """Return the age of the oldest packet, if there is one."""
    return age_text(max(0.0, now - pile.oldest)) if pile.packets else ""


def show(facts: Facts) -> None:
    """Write it to standard output, as tables one below the other."""
    click.echo(
        f"{facts.name}  {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(facts.now))}  {head(facts)}\n"
    )
    right = [Column(title, 6, right=True) for title in ("OUT", "OLDEST", "IN", "WORK", "HELD")]
    columns = [Column("NODE"), Column("WAY", wraps=True), *right, Column("LAST SESSION")]
    show_table(
        columns,
        (
            (
                one.name,
                one.way,
                count(one.tx),
                age(one.tx, facts.now),
                count(one.rx),
                count(one.work, "warn"),
                count(one.hold, "bad"),
                session(one, facts.now),
            )
            for one in facts.seen.standings
        ),
    )
    shape = facts.stock.shape
    if shape.nodes:
        click.echo()
        ages = [Column(title, 5, right=True) for title in shape.heads]
        rows = ((name, *(str(n or "-") for n in counts)) for name, counts in shape.nodes.items())
        show_table([Column("MINUTES"), *ages], rows)
    if facts.seen.held:
        click.echo()
        held = [Column("HELD", _SHORT), Column("NODE"), Column("AGE", 4), Column("REASON", wraps=True)]
        now = facts.now
        show_table(
            held,
            ((h.name[:_SHORT], h.node, age_text(max(0.0, now - h.since)), h.reason) for h in facts.seen.held),
        )
    if facts.seen.events:
        click.echo()
        columns = [Column("WHEN", 19), Column("EVENT", 13), Column("NODE"), Column("PACKET", _SHORT)]
        show_table([*columns, Column("", wraps=True)], map(cells, facts.seen.events[:_EVENTS]))


def cells(entry: Entry) -> tuple[Cell, ...]:
    """Return an event as the cells of a row."""
    return (
        local_time(entry.when),
        Tinted(entry.event, TONES.get(entry.event, "")),
        entry.node,
        entry.packet[:_SHORT],
        account(entry),
    )


def describe(facts: Facts) -> dict[str, object]:
    """Return it as values for JSON; keys are only ever added. Times are unix seconds, sizes bytes."""
    packets, octets = facts.waiting
    return {
        "time": facts.now,
        "name": facts.name,
        "waiting": packets,
        "waiting_bytes": octets,
        "oldest": facts.oldest,
        "held": facts.held,
        "free": facts.stock.free,
        "neighbours": [
            {
                "node": one.name,
                "way": one.way,
                **{box: getattr(one, box)._asdict() for box in ("tx", "rx", "work", "hold")},
                "session": one.session._asdict() if one.session else None,
            }
            for one in facts.seen.standings
        ],
        "minutes": list(MINUTES),
        "ages": facts.stock.shape.nodes,
        "holds": [h._asdict() for h in facts.seen.held],
        "events": [entry._asdict() for entry in facts.seen.events],
    }
