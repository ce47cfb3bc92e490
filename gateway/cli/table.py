"""Tables and tints for people: plain text anywhere, colour and rich only on a terminal.

What a command writes into a file or a pipe is plain text of stable columns. On a terminal, where
the optional package rich is installed, the same rows become a table that fits its width.
``NO_COLOR`` (https://no-color.org) and ``TERM=dumb`` are respected.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO

import click

from gateway.stderr import printable

if TYPE_CHECKING:
    from rich.console import Console

Tone = Literal["", "good", "warn", "bad", "quiet", "strong"]

MANY = 500
"""With more rows than this a table is plain text on a terminal too: nothing waits to be measured."""

_GAP = "  "
_BEARABLE = 20
"""[characters] No column that wraps is made narrower than this."""
_COLOURS = {"good": "green", "warn": "yellow", "bad": "red"}
_RICH_STYLES = {**_COLOURS, "quiet": "dim", "strong": "bold"}


class Column(NamedTuple):
    """A column: what stands above it, its least width in plain text, and how it lies.

    A `width` of None is measured, for which all rows are collected first. A column that `wraps`
    gives way when a terminal is too narrow; the others are never cut: where they do not fit, the
    table is plain text.
    """

    title: str
    width: int | None = None
    right: bool = False
    wraps: bool = False


class Tinted(NamedTuple):
    """A cell with a tone, which only a terminal shows."""

    text: str
    tone: Tone


Cell = str | Tinted


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at the stream (standard output)."""
    stream = sys.stdout if stream is None else stream
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def has_colour(stream: TextIO | None = None) -> bool:
    """Whether the stream (standard output) may be given colours."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def tint(text: str, tone: Tone, stream: TextIO | None = None) -> str:
    """Return a text as one printable line, in the colour of its tone if the stream has colours."""
    text = printable(text)
    if not tone or not has_colour(stream):
        return text
    if tone in _COLOURS:
        return click.style(text, fg=_COLOURS[tone])
    return click.style(text, dim=tone == "quiet", bold=tone == "strong")


def show_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], stream: TextIO | None = None
) -> int:
    """Write a heading and a line for every row to the stream (standard output); return how many rows.

    Without rows nothing is written. Cells may hold what a peer wrote. If all columns have a
    width, rows that are generated are written as they come.
    """
    stream = sys.stdout if stream is None else stream
    rows = iter(rows)
    if is_terminal(stream) and (console := _console(stream)) is not None:
        first = list(islice(rows, MANY + 1))
        if not first:
            return 0
        if len(first) <= MANY and _fits(columns, first, console.width):
            _show_rich(console, columns, first)
            return len(first)
        rows = chain(first, rows)
    count = -1
    for line in plain_lines(columns, rows):
        stream.write(line + "\n")
        count += 1
    return max(count, 0)


def plain_lines(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the heading and a line for every row, none if there are no rows."""
    cells: Iterator[tuple[str, ...]] = (tuple(map(_text, row)) for row in rows)
    widths = [column.width for column in columns]
    if None in widths:
        collected = list(cells)
        cells = iter(collected)
        widths = [
            width if width is not None else max(map(len, (column.title, *(row[number] for row in collected))))
            for number, (column, width) in enumerate(zip(columns, widths, strict=True))
        ]
    line = _GAP.join(
        f"{{:{'>' if column.right else '<'}{width}}}" if width else "{}"
        for column, width in zip(columns, widths, strict=True)
    ).format
    first = next(cells, None)
    if first is None:
        return
    yield line(*(column.title for column in columns)).rstrip()
    for row in chain((first,), cells):
        yield line(*row).rstrip()


def _fits(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> bool:
    """Whether a line of that many characters has room for all columns, those that wrap kept bearable."""
    needed = sum(
        min(wide, _BEARABLE) if column.wraps else wide
        for column, wide in zip(columns, _widths(columns, rows), strict=True)
    )
    return needed + len(_GAP) * (len(columns) - 1) <= width


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    return [
        max(column.width or 0, len(column.title), *(len(_text(row[number])) for row in rows))
        for number, column in enumerate(columns)
    ]


def _text(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else cell.text
    # Most cells are short and clean; `printable` looks at every character.
    return text if text.isprintable() else printable(text)


def _console(stream: TextIO) -> Console | None:
    """Return rich's console for a terminal, or None where rich is not installed."""
    try:
        from rich.console import Console  # noqa: PLC0415 - optional, and only for a terminal
    except ImportError:
        return None
    return Console(file=stream, no_color=not has_colour(stream), highlight=False, soft_wrap=False)


def _show_rich(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - same

    rows = list(rows)
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for column, width in zip(columns, _widths(columns, rows), strict=True):
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            min_width=min(width, _BEARABLE) if column.wraps else width,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(_text(cell), style=_style(cell)) for cell in row))
    console.print(table)


def _style(cell: Cell) -> str:
    return "" if isinstance(cell, str) else _RICH_STYLES.get(cell.tone, "")
