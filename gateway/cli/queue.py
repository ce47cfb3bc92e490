"""``gateway queue``: what is in the spool, and what a person may do to it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from gateway.cli import Group, Setting
from gateway.cli.queue_rows import Names, Table, describe, page
from gateway.cli.types import DURATION, NICENESS
from gateway.engine import queue
from gateway.engine.queue import Row, Selector, State
from gateway.errors import (
    EX_FAILURE,
    EX_OK,
    EX_TEMPFAIL,
    LockBusy,
    SpoolError,
    UnknownJob,
    UsageError,
)
from gateway.spool.layout import is_name

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


class Ground(NamedTuple):
    """What every command here stands on."""

    config: Config
    spool: Spool
    names: Names

    @classmethod
    def of(cls, setting: Setting) -> Ground:
        """Load the configuration and open its spool, which must be there."""
        config = setting.config()
        spool = setting.open_spool(config)
        spool.free()  # An empty list from a directory that is not there would be a lie.
        return cls(config, spool, Names(config))


@click.group("queue", cls=Group)
def command() -> None:
    """Look at what is in the spool, and intervene.

    list and show change nothing on disk. The others act on the packets that are named, or
    selected by options; all selectors must hold.
    """


def _selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the selectors, collected in `selection`."""
    decorators = (
        click.argument("prefixes", nargs=-1, metavar="[NAME-PREFIX]..."),
        click.option("--node", "-node", metavar="NODE", help="in this neighbour's directory"),
        click.option("--rx", "-rx", is_flag=True, help="only inbound"),
        click.option("--tx", "-tx", is_flag=True, help="only outbound"),
        click.option(
            "--state",
            "states",
            type=click.Choice([state.value for state in State]),
            multiple=True,
            help="in this state (again for another one)",
        ),
        click.option("--older", type=DURATION, metavar="AGE", help="lying there for at least that long"),
        click.option("--younger", type=DURATION, metavar="AGE", help="lying there for at most that long"),
        click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="up to this niceness"),
        click.option("--min-nice", type=NICENESS, default=None, metavar="N", help="from this niceness on"),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def _selector(config: Config, options: dict[str, Any]) -> Selector:
    """Return what the options of `_selecting` mean, taking them out of `options`."""
    from gateway.packet.identity import encode  # noqa: PLC0415 - not needed for --help

    node, states = options.pop("node"), options.pop("states")
    rx, tx = options.pop("rx"), options.pop("tx")
    if rx and tx:
        msg = "--rx and --tx exclude each other; both is what is listed with neither"
        raise UsageError(msg)
    return Selector(
        node=encode(config.neighbour(node).id) if node else None,
        prefixes=tuple(prefix.upper() for prefix in options.pop("prefixes")),
        states=frozenset(map(State, states)) or frozenset(State),
        outbound=True if tx else False if rx else None,
        min_age=options.pop("older"),
        max_age=options.pop("younger"),
        min_niceness=options.pop("min_nice") or 0,
        max_niceness=options.pop("nice"),
    )


_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
_DRY_RUN = click.option("--dry-run", "-n", is_flag=True, help="say what would be done, and do nothing")
_ALL = click.option("--all", "everything", is_flag=True, help="if nothing else selects: every packet")


@command.command("list")
@_selecting
@_JSON
@click.option("--long", "-l", "long_", is_flag=True, help="open the packets: sender and niceness too")
@click.option("--count", is_flag=True, help="only how many")
@click.pass_obj
def list_(setting: Setting, /, *, as_json: bool, long_: bool, count: bool, **options: Any) -> int:
    """List packets: by neighbour, by state, the oldest first.

    Status 0, also when there are none. --json always tells what --long shows.
    """
    ground = Ground.of(setting)
    now = time.time()
    headers = (long_ or as_json) and not count
    found = queue.rows(ground.spool, _selector(ground.config, options), now, headers=headers)
    if count:
        click.echo(sum(1 for _ in found))
        return EX_OK
    table = Table(ground.names, now, headers=long_)
    number = size = 0
    write = sys.stdout.write
    for row in found:
        if not as_json and not number:
            write(table.heading() + "\n")
        write((json.dumps(describe(row, ground.names)) if as_json else table.line(row)) + "\n")
        number += 1
        size += row.job.size
    if not as_json and not setting.quiet:
        setting.say(f"{number} packets, {-(-size // 1024)} KiB" if number else "no packets")
    return EX_OK


@command.command("show")
@click.argument("prefix", metavar="NAME-PREFIX")
@_JSON
@click.pass_obj
def show(setting: Setting, /, *, prefix: str, as_json: bool) -> int:
    """Show all there is to know of a packet, as far as our keys open it.

    Status 1 if there is no such packet.
    """
    ground = Ground.of(setting)
    now = time.time()
    prefix = prefix.upper()
    found = 0
    for row in queue.rows(ground.spool, Selector(prefixes=(prefix,)), now):
        found += 1
        facts = describe(row, ground.names) | _inside(ground, row)
        click.echo(json.dumps(facts) if as_json else page(facts, now))
    if found:
        return EX_OK
    if is_name(prefix) and ground.spool.known(prefix) == "seen":
        setting.say(f"{prefix} is not here any more: it was delivered, relayed or removed")
    else:
        setting.say(f"no packet begins with {prefix}")
    return EX_FAILURE


def _inside(ground: Ground, row: Row) -> dict[str, object]:
    """Return what our keys show of a packet; nothing of one that is not for us."""
    if row.job.box == "tx" or ground.config.identity is None:
        return {}
    from gateway.engine.inspect import look_inside  # noqa: PLC0415 - loads the cryptography

    inside = look_inside(ground.spool, row.job, ground.config, ground.config.identity)
    if inside is None:
        return {}
    return {
        "type": inside.kind,
        "handle": inside.handle,
        "arguments": list(inside.arguments),
        "next_node": inside.target,
        "envelopes": [
            {"sender": sender, "recipients": list(recipients)} for sender, recipients in inside.envelopes
        ],
        "verified": inside.verified,
        "trouble": inside.trouble,
    }


@command.command("hold")
@_selecting
@_ALL
@click.option("--reason", default="held by the operator", show_default=True, help="kept with the packet")
@_DRY_RUN
@_JSON
@click.pass_obj
def hold(setting: Setting, /, *, reason: str, **options: Any) -> int:
    """Set packets aside: they are neither sent nor delivered until they are released."""
    states = frozenset(State) - {State.HELD}
    return _act(setting, options, "hold", states, lambda spool, job: queue.hold(spool, job, reason))


@command.command("release")
@_selecting
@_ALL
@_DRY_RUN
@_JSON
@click.pass_obj
def release(setting: Setting, /, **options: Any) -> int:
    """Let held packets go on: outbound ones to their link, inbound ones to the next toss."""
    return _act(setting, options, "release", frozenset({State.HELD}), queue.release)


@command.command("retry")
@_selecting
@_ALL
@_DRY_RUN
@_JSON
@click.pass_obj
def retry(setting: Setting, /, **options: Any) -> int:
    """Make deferred deliveries due now; the next toss tries them."""
    now = time.time()
    states = frozenset({State.DEFERRED})
    return _act(setting, options, "retry", states, lambda spool, job: queue.retry(spool, job, now))


@command.command("remove")
@_selecting
@_ALL
@click.option("--yes", is_flag=True, help="do not ask")
@_DRY_RUN
@_JSON
@click.pass_obj
def remove(setting: Setting, /, *, yes: bool, **options: Any) -> int:
    """Remove packets for good, after asking; an inbound one will not be accepted again."""
    return _act(setting, options, "remove", frozenset(State), queue.remove, ask=not yes)


def _act(
    setting: Setting,
    options: dict[str, Any],
    verb: str,
    states: frozenset[State],
    action: Callable[[Spool, Job], None],
    *,
    ask: bool = False,
) -> int:
    """Do something to every selected packet in one of the states the verb applies to.

    Status 1 if nothing was selected or one failed, 75 if one was being worked on.
    """
    ground = Ground.of(setting)
    everything, dry_run, as_json = (options.pop(key) for key in ("everything", "dry_run", "as_json"))
    selector = _selector(ground.config, options)
    if selector.everything and not everything:
        msg = f"{verb} what? Name packets, select some with options, or give --all"
        raise UsageError(msg)
    now = time.time()
    rows = [row for row in queue.rows(ground.spool, selector, now) if row.state in states]
    if not rows:
        setting.say(f"nothing to {verb}")
        return EX_FAILURE
    if ask and not dry_run:
        table = Table(ground.names, now, headers=True)
        for row in rows[:10]:
            click.echo(table.line(row), err=True)
        click.confirm(f"remove {len(rows)} packets for good?", abort=True, err=True)
    status = EX_OK
    for row in rows:
        try:
            if not dry_run:
                action(ground.spool, row.job)
        except (LockBusy, UnknownJob, SpoolError) as failure:
            setting.say(f"{row.job.name}: {failure}")
            status = max(status, EX_TEMPFAIL if isinstance(failure, LockBusy) else EX_FAILURE)
            continue
        if as_json:
            done = {"action": verb, "done": not dry_run}
            click.echo(json.dumps(done | describe(row, ground.names)))
        elif not setting.quiet:
            click.echo(f"{'would ' if dry_run else ''}{verb} {row.job.name}")
    return status
