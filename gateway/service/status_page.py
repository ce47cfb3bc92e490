"""The status page: one HTML document that needs nothing else, made of an `Overview`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from gateway.journal.telling import TONES, account, local_time
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.service.overview import Held, Overview, Standing
    from gateway.service.stock import Pile, Stock

__all__ = ["CONTENT_TYPE", "page"]

CONTENT_TYPE = "text/html; charset=utf-8"
_CLASSES = {**TONES, "call-started": "soft", "call-finished": "soft"}
"""Of the cells that name an event; what is quiet on a terminal is soft here."""
_SHORT = 12
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def page(name: str, seen: Overview, stock: Stock, now: float) -> bytes:
    """Return the document; `name` is the node's, `now` unix time [s]."""
    template = Template(files("gateway.service").joinpath("status.html").read_text("utf-8"))
    text = template.substitute(
        name=_text(name),
        when=time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now)),
        tiles=_tiles(stock, now),
        neighbours=_table(
            (
                "neighbour",
                "way",
                "# to send",
                "# size",
                "# oldest",
                "# arrived",
                "# deferred",
                "# held",
                "last session",
            ),
            [_standing(one, now) for one in seen.standings],
            "There are no neighbours yet: gateway node add.",
        ),
        shape=_shape(stock),
        held=_table(
            ("packet", "from or for", "since", "why"),
            [_held(one, now) for one in seen.held],
            "Nothing is held.",
        ),
        events=_table(
            ("when", "what", "node", "packet", "more"),
            [
                (
                    _cell(local_time(entry.when), "soft when"),
                    _cell(entry.event, _CLASSES.get(entry.event, "")),
                    _cell(entry.node),
                    _name(entry.packet),
                    _cell(account(entry)),
                )
                for entry in seen.events
            ],
            "The journal knows of none.",
        ),
    )
    return text.encode("utf-8", "replace")


def _tiles(stock: Stock, now: float) -> str:
    def over(box: str) -> list[Pile]:
        return [pile for (_, where), pile in stock.piles.items() if where == box]

    waiting = [pile for box in ("tx", "rx", "work") for pile in over(box) if pile.packets]
    held = sum(pile.packets for pile in over("hold"))
    facts = (
        (f"{sum(pile.packets for pile in over('tx')):,}", "packets to send", ""),
        (f"{sum(pile.packets for pile in over('rx')):,}", "packets to deliver", ""),
        (f"{sum(pile.packets for pile in over('work')):,}", "deferred or at work", ""),
        (f"{held:,}", "held for a person", "bad" if held else ""),
        (_age(now - min((p.oldest for p in waiting), default=now)), "age of the oldest", ""),
        (_size(stock.free), "of room left", ""),
    )
    return "".join(
        f'<div class="tile"><b class="{tone}">{value}</b><span>{what}</span></div>'
        for value, what, tone in facts
    )


def _standing(one: Standing, now: float) -> Sequence[str]:
    session = '<td class="soft">none known</td>'
    if one.session is not None:
        words = f"{local_time(one.session.when)} {one.session.event.removeprefix('call-')}"
        session = _cell(words, _CLASSES.get(one.session.event, ""))
    return (
        _cell(one.name),
        _cell(one.way, "soft"),
        _number(one.tx.packets),
        f'<td class="n">{_size(one.tx.octets) if one.tx.packets else ""}</td>',
        f'<td class="n">{_age(now - one.tx.oldest) if one.tx.packets else ""}</td>',
        _number(one.rx.packets),
        _number(one.work.packets, "warn"),
        _number(one.hold.packets, "bad"),
        session,
    )


def _held(one: Held, now: float) -> Sequence[str]:
    return (
        _name(one.name),
        _cell(one.node),
        _cell(f"{_age(now - one.since)} ago", "soft"),
        _cell(one.reason, "bad"),
    )


def _shape(stock: Stock) -> str:
    shape = stock.shape
    most = max((count for counts in shape.nodes.values() for count in counts), default=0)
    rows = [
        (_cell(node), _number(sum(counts)), *(_bar(count, most) for count in counts))
        for node, counts in shape.nodes.items()
    ]
    return _table(("neighbour", "# all", *(f"# {head}" for head in shape.heads)), rows, "Nothing waits.")


def _bar(count: int, most: int) -> str:
    share = min(100, 20 + round(80 * count / most)) if count else 0
    return f'<td class="n age{"" if count else " zero"}" style="--share:{share}%">{count:,}</td>'


def _table(heads: Iterable[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    """Return a table, or a sentence; a head that begins with # is one of numbers."""
    if not rows:
        return f'<p class="empty">{_text(empty)}</p>'
    first = "".join(
        f"<th{' class=n' if head[0] == '#' else ''}>{_text(head.lstrip('# '))}</th>" for head in heads
    )
    return f"<table><tr>{first}</tr>" + "".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>"


def _cell(text: str, tone: str = "") -> str:
    return f'<td class="{tone}">{_text(text)}</td>' if tone else f"<td>{_text(text)}</td>"


def _number(count: int, tone: str = "") -> str:
    return f'<td class="n {tone if count else "zero"}">{count:,}</td>'


def _name(packet: str) -> str:
    return f'<td><code title="{_text(packet)}">{_text(packet[:_SHORT])}</code></td>'


def _text(text: str) -> str:
    return escape(printable(text))


def _age(seconds: float) -> str:
    return next(
        (f"{seconds / factor:.0f} {unit}" for factor, unit in _UNITS if seconds >= factor),
        f"{max(0, seconds):.0f} s",
    )


def _size(octets: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if octets < 1024:  # noqa: PLR2004 - the step between the units
            return f"{octets:.0f} {unit}"
        octets /= 1024
    return f"{octets:.1f} TiB"
