"""``gateway queue``: what is in the spool, and what a person may do to it."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import Group, Setting
from gateway.cli.names import PACKET
from gateway.cli.queue_act import hold, release, remove, restore, retry
from gateway.cli.queue_carry import export, import_
from gateway.cli.queue_check import check
from gateway.cli.queue_page import page
from gateway.cli.queue_rows import JsonLines, Listing, describe, size_text
from gateway.cli.queue_select import AS_JSON, View, selecting, selector_of
from gateway.cli.table import Column, show_table
from gateway.engine.queue import Row, Selector, State
from gateway.errors import EX_FAILURE, EX_OK, UsageError
from gateway.spool.layout import is_name

if TYPE_CHECKING:
    from gateway.engine.shape import Shape


@click.group("queue", cls=Group)
def command() -> None:
    """Look at what is in the spool, and intervene.

    list, show, check and export change nothing on disk. The others act on the packets that are
    named, or selected by options; all selectors must hold.
    """


for _verb in (hold, release, remove, restore, retry, check, export, import_):
    command.add_command(_verb)


@command.command("list")
@selecting
@AS_JSON
@click.option("--long", "-l", "long_", is_flag=True, help="open the packets: sender and niceness too")
@click.option("--count", is_flag=True, help="only how many")
@click.option("--shape", is_flag=True, help="only how many of which age, for each neighbour")
@click.pass_obj
def list_(
    setting: Setting, /, *, as_json: bool, long_: bool, count: bool, shape: bool, **options: Any
) -> int:
    """List packets: by neighbour, by state, the oldest first.

    Status 0, also when there are none. --json always tells what --long shows. The columns of
    --shape are minutes, each twice the one before: a packet is counted in the first that is
    no less than its age.
    """
    if count and shape:
        msg = "--count and --shape exclude each other"
        raise UsageError(msg)
    view = View.of(setting)
    now = time.time()
    headers = (long_ or as_json) and not (count or shape)
    totals = Totals()
    found = totals.counting(view.rows(selector_of(view.config, options), now, headers=headers))
    if shape:
        _show_shape(found, view, now, as_json=as_json)
        return EX_OK
    if count:
        for _ in found:
            pass
        click.echo(
            json.dumps({"packets": totals.packets, "bytes": totals.size}) if as_json else totals.packets
        )
        return EX_OK
    if as_json:
        lines = JsonLines(view.names)
        sys.stdout.writelines(lines.line(row) + "\n" for row in found)
        return EX_OK
    listing = Listing(view.names, now, headers=long_)
    show_table(listing.columns, map(listing.row, found))
    if not setting.quiet:
        setting.say(str(totals))
    return EX_OK


class Totals:
    """How many packets went by, and how large they were together."""

    def __init__(self) -> None:
        self.packets = 0
        self.size = 0
        self._states: Counter[State] = Counter()

    def counting(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the rows, each counted."""
        for row in rows:
            self.packets += 1
            self.size += row.job.size
            self._states[row.state] += 1
            yield row

    def __str__(self) -> str:
        if not self.packets:
            return "no packets"
        states = ", ".join(f"{self._states[state]} {state.value}" for state in State if self._states[state])
        return f"{self.packets} packet{'s' * (self.packets != 1)}, {size_text(self.size)}: {states}"


def _show_shape(rows: Iterator[Row], view: View, now: float, *, as_json: bool) -> None:
    from gateway.engine.shape import Shape  # noqa: PLC0415 - only here

    shape = Shape.of(rows, now)
    if as_json:
        for node, counts in shape.nodes.items():
            facts = {"node": view.names.of_text(node), "node_id": node, "packets": sum(counts)}
            click.echo(json.dumps(facts | {"minutes": dict(zip(shape.heads, counts, strict=True))}))
        return
    show_table(
        [Column("NODE"), Column("T", right=True), *(Column(head, right=True) for head in shape.heads)],
        _shape_rows(shape, view),
    )


def _shape_rows(shape: Shape, view: View) -> Iterator[tuple[str, ...]]:
    named = [(view.names.short(node), counts) for node, counts in shape.nodes.items()]
    for name, counts in [("TOTAL", shape.total), *named] if named else ():
        yield (name, str(sum(counts)), *map(str, counts))


@command.command("show")
@click.argument("prefixes", type=PACKET, metavar="NAME-PREFIX...", nargs=-1, required=True)
@AS_JSON
@click.pass_obj
def show(setting: Setting, /, *, prefixes: tuple[str, ...], as_json: bool) -> int:
    """Show all there is to know of packets, as far as our keys open them.

    Status 1 if there is none of one of the names.
    """
    view = View.of(setting)
    now = time.time()
    status = EX_OK
    for prefix in map(str.upper, prefixes):
        rows = list(view.rows(Selector(prefixes=(prefix,), states=frozenset(State)), now))
        for row in rows:
            facts = describe(row, view.names) | _inside(view, row)
            click.echo(json.dumps(facts) if as_json else page(facts, now))
        if rows:
            continue
        status = EX_FAILURE
        if is_name(prefix) and view.spool.known(prefix) == "seen":
            setting.say(f"{prefix} is not here any more: it was delivered, relayed or removed")
        else:
            setting.say(f"no packet begins with {prefix}")
    return status


def _inside(view: View, row: Row) -> dict[str, object]:
    """Return the way of a packet, what can be done, and what our keys show of it."""
    from gateway.engine.inspect import look_inside  # noqa: PLC0415 - loads the cryptography
    from gateway.engine.outlook import outlook  # noqa: PLC0415 - only here

    config, identity = view.config, view.config.identity
    inside = look_inside(view.spool, row.job, config, identity) if identity and not row.outbound else None
    facts: dict[str, object] = {}
    if inside is not None:
        facts = {
            "type": inside.kind,
            "handle": inside.handle,
            "arguments": list(inside.arguments),
            "next_node": inside.target,
            "body_size": inside.size,
            "envelopes": [
                {"sender": sender, "recipients": list(recipients)} for sender, recipients in inside.envelopes
            ],
            "verified": inside.verified,
            "trouble": inside.trouble,
        }
    seen = outlook(row, config, inside.target if inside else "")
    return facts | {"route": list(seen.route), "sealed": seen.sealed, "outlook": seen.words}
