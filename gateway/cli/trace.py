"""``gateway trace``: what happened to a message."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from gateway.cli.names import PACKET
from gateway.errors import EX_FAILURE, EX_OK, UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.cli.table import Cell
    from gateway.journal.entry import Entry
    from gateway.journal.index import Found, Index

_EVERY = 1.0


@click.command("trace")
@click.option("--limit", type=click.IntRange(0), default=200, metavar="N", help="lines at most; 0 for all")
@click.option("--follow", "-f", is_flag=True, help="go on with what happens from now, oldest first")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per line")
@click.argument("text", type=PACKET)
@click.pass_obj
def command(setting: Setting, *, limit: int, follow: bool, as_json: bool, text: str) -> int:
    """Show what happened to a message, the newest first.

    TEXT is a Message-ID, a queue id of our MTA or of the far one, a packet's name, a sender or
    a recipient; the beginning of one, or a part, if nothing is called exactly so. Status 1:
    the journal knows nothing of it.
    """
    from gateway.engine.ground import open_spool  # noqa: PLC0415 - not for the help page
    from gateway.journal.index import Index  # noqa: PLC0415 - as above
    from gateway.journal.place import place_of  # noqa: PLC0415 - as above

    if not text.strip():
        raise UsageError("trace what? A Message-ID, a queue id, a packet's name, or an address")
    config = setting.config()
    place = place_of(config)
    if not place.enabled:
        setting.say(f"{config.path}: plugin.journal.enabled is false: nothing new is noted")
    open_spool(config)  # the index is to be its owner's
    with Index(place, say=setting.say) as index:
        progress = _Progress()
        index.refresh(progress)
        progress.end()
        found = index.search(text)
        _show(found[: limit or None], as_json=as_json)
        if limit and len(found) > limit:
            setting.say(f"{len(found) - limit} older events are not shown: --limit 0 shows all")
        if not found and not follow:
            setting.say(f"nothing is known of {text!r} in {place.path}")
            return EX_FAILURE
        if follow:
            with suppress(KeyboardInterrupt):
                _follow(index, text, {one.number for one in found}, as_json=as_json)
    return EX_OK


def _follow(index: Index, text: str, shown: set[int], *, as_json: bool) -> None:
    while True:
        time.sleep(_EVERY)
        index.refresh()
        new = [one for one in index.search(text) if one.number not in shown]
        shown.update(one.number for one in new)
        for one in reversed(new):
            click.echo(_json(one.entry) if as_json else _line(one.entry))


def _show(found: list[Found], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            click.echo(_json(one.entry))
        return
    from gateway.cli.table import Column, show_table  # noqa: PLC0415 - only for people

    columns = [
        Column("WHEN", 19),
        Column("EVENT", 13),
        Column("NODE", None),
        Column("PACKET", 12),
        Column("", None, wraps=True),
    ]
    show_table(columns, (_cells(one.entry) for one in found))


def _cells(entry: Entry) -> tuple[Cell, ...]:
    from gateway.cli.table import Tinted  # noqa: PLC0415 - only for people
    from gateway.journal.telling import TONES, account, local_time  # noqa: PLC0415 - as above

    return (
        local_time(entry.when),
        Tinted(entry.event, TONES.get(entry.event, "")),
        entry.node,
        entry.packet[:12],
        account(entry),
    )


def _line(entry: Entry) -> str:
    from gateway.stderr import printable  # noqa: PLC0415 - only for people

    return "  ".join(printable(cell if isinstance(cell, str) else cell.text) for cell in _cells(entry))


def _json(entry: Entry) -> str:
    return json.dumps(entry._asdict())


class _Progress:
    """Says how far the taking in of lines is, once a second, if it takes that long and a person looks."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY
        self._said = False

    def __call__(self, done: int, total: int) -> None:
        from gateway.cli.table import is_terminal  # noqa: PLC0415 - as above

        now = time.monotonic()
        if now < self._next or not is_terminal(sys.stderr):
            return
        self._next = now + _EVERY
        click.echo(f"\rgateway: reading the journal: {100 * done // max(total, 1)} %", err=True, nl=False)
        self._said = True

    def end(self) -> None:
        """Take the line away."""
        if self._said:
            click.echo("\r\x1b[K", err=True, nl=False)
