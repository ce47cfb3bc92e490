"""What ``gateway top`` shows as one screen of a terminal, whatever its size."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from gateway.cli.queue_rows import age_text, size_text
from gateway.cli.table import Tinted
from gateway.cli.top_plain import age, cells, count, head, session
from gateway.stderr import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gateway.cli.table import Cell
    from gateway.cli.top_facts import Facts

_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "quiet": "dim", "strong": "bold", "": ""}
_WIDE, _MIDDLE = 100, 66
"""[characters] A narrower screen has fewer columns."""
_CLOCK = len("2026-01-01 ")
_AROUND = 2
"""Lines of a section around its rows."""
_BARS = "▁▂▃▄▅▆▇█"
_OLD, _VERY_OLD = 4, 7
"""Columns of ages from which on they are yellow, and red."""


def screen(facts: Facts, width: int, height: int) -> RenderableType:
    """Return the whole screen: each section as long as there is room, the events last."""
    blocks: list[RenderableType] = [_title(facts, width)]
    room = height - 1
    standings = len(facts.seen.standings)
    for section, rows, share in (
        (_neighbours, standings, 0.4),
        (_ages, len(facts.stock.shape.nodes), 0.4),
        (_held, len(facts.seen.held), 0.5),
        (_events, len(facts.seen.events), 1.0),
    ):
        fitting = min(rows, max(1, int(room * share) - _AROUND), room - _AROUND)
        if fitting > 0:
            blocks.append(section(facts, width, fitting))
            room -= fitting + _AROUND
    return Group(*blocks)


def _title(facts: Facts, width: int) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(facts.now))
    title = Text(f" {printable(facts.name)} ", style="bold reverse", no_wrap=True, overflow="ellipsis")
    title.append(f" {head(facts)} ", style="not bold" if not facts.held else "red")
    if (gap := width - len(title) - len(clock)) > 0:
        title.append(" " * gap + clock)
    return title


def _section(title: str, left_out: int) -> Rule:
    more = f" (and {left_out} more)" if left_out > 0 else ""
    return Rule(Text(title + more, style="bold"), align="left", style="dim", characters="─")


def _table(*columns: tuple[str, str, int | None]) -> Table:
    """Return an empty table of columns: title, where they lie, share of the room that is left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for title, justify, ratio in columns:
        table.add_column(
            title,
            justify="right" if justify == "right" else "left",
            ratio=ratio,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _neighbours(facts: Facts, width: int, rows: int) -> RenderableType:
    columns: list[tuple[str, str, int | None]] = [("NODE", "left", None)]
    columns += [("WAY", "left", 1)] if width >= _WIDE else []
    columns += [("OUT", "right", None)]
    columns += [("SIZE", "right", None), ("OLDEST", "right", None)] if width >= _MIDDLE else []
    columns += [("IN", "right", None), ("WORK", "right", None), ("HELD", "right", None)]
    columns += [("LAST SESSION", "left", None if width >= _WIDE else 1)]
    table = _table(*columns)
    for one in facts.seen.standings[:rows]:
        row: list[Cell] = [Tinted(one.name, "strong")]
        row += [one.way] if width >= _WIDE else []
        row += [count(one.tx)]
        size = size_text(one.tx.octets) if one.tx.packets else ""
        row += [size, age(one.tx, facts.now)] if width >= _MIDDLE else []
        row += [count(one.rx), count(one.work, "warn"), count(one.hold, "bad"), session(one, facts.now)]
        table.add_row(*map(_text, row))
    return Group(_section("neighbours", len(facts.seen.standings) - rows), table)


def _ages(facts: Facts, width: int, rows: int) -> RenderableType:
    shape = facts.stock.shape
    # Every other head is the end of two columns together.
    step = 1 if width >= _MIDDLE else 2
    heads, nodes = shape.heads[step - 1 :: step], list(shape.nodes.items())[:rows]
    counted = [
        (name, [sum(counts[at : at + step]) for at in range(0, len(counts), step)]) for name, counts in nodes
    ]
    most = max((max(counts) for _, counts in counted), default=1)
    table = _table(("MINUTES", "left", None), *((title, "right", 1) for title in heads))
    for name, counts in counted:
        bars = (_bar(number, most, place * step) for place, number in enumerate(counts))
        table.add_row(Text(printable(name), style="bold"), *bars)
    return Group(_section("waiting, by age", len(shape.nodes) - rows), table)


def _bar(number: int, most: int, place: int) -> Text:
    if not number:
        return Text("·", style="dim")
    tone = "red" if place >= _VERY_OLD else "yellow" if place >= _OLD else "green"
    return Text(f"{number} {_BARS[(len(_BARS) - 1) * number // most]}", style=tone)


def _held(facts: Facts, width: int, rows: int) -> RenderableType:
    table = _table(
        ("PACKET", "left", None), ("NODE", "left", None), ("AGE", "right", None), ("REASON", "left", 1)
    )
    for one in facts.seen.held[:rows]:
        since = age_text(max(0.0, facts.now - one.since))
        name = one.name[: 12 if width >= _MIDDLE else 6]
        table.add_row(_text(name), _text(one.node), _text(since), _text(Tinted(one.reason, "bad")))
    return Group(_section("held", facts.held - rows), table)


def _events(facts: Facts, width: int, rows: int) -> RenderableType:
    columns = [("TIME", "left", None), ("EVENT", "left", None), ("NODE", "left", None)]
    wide = width >= _MIDDLE
    table = _table(*columns, *([("PACKET", "left", None)] if wide else []), ("", "left", 1))
    for entry in facts.seen.events[:rows]:
        when, event, node, packet, words = map(_text, cells(entry))
        table.add_row(when[_CLOCK:], event, node, *([packet] if wide else []), words)
    return Group(_section("events", 0), table)


def _text(cell: Cell) -> Text:
    if isinstance(cell, str):
        return Text(printable(cell))
    return Text(printable(cell.text), style=_STYLES[cell.tone])
