"""``gateway queue`` hold, release, retry, remove, restore: what a person may do to packets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.queue_rows import Listing, describe
from gateway.cli.queue_select import AS_JSON, View, selecting, selector_of
from gateway.cli.table import plain_lines
from gateway.cli.types import DURATION
from gateway.engine import intervention
from gateway.engine.queue import LIVE, Row, State
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, LockBusy, SpoolError, UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

_SHOWN = 10
"""So many packets are shown before a question about them."""
_ANY = frozenset(State)


def _acting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the selectors and the options that every verb has."""
    for decorator in (
        AS_JSON,
        click.option("--dry-run", "-n", is_flag=True, help="say what would be done, and do nothing"),
        click.option("--all", "everything", is_flag=True, help="if nothing else selects: every packet"),
        selecting,
    ):
        function = decorator(function)
    return function


@click.command("hold")
@_acting
@click.option("--reason", default="held by the operator", show_default=True, help="kept with the packet")
@click.pass_obj
def hold(setting: Setting, /, *, reason: str, **options: Any) -> int:
    """Set packets aside: they are neither sent nor delivered until they are released."""
    states = LIVE - {State.HELD}
    return _act(setting, options, "hold", states, lambda spool, job: intervention.hold(spool, job, reason))


@click.command("release")
@_acting
@click.pass_obj
def release(setting: Setting, /, **options: Any) -> int:
    """Let held packets go on: outbound ones to their link, inbound ones to the next toss."""
    return _act(setting, options, "release", frozenset({State.HELD}), intervention.release)


@click.command("retry")
@_acting
@click.pass_obj
def retry(setting: Setting, /, **options: Any) -> int:
    """Make deferred deliveries due now; the next toss tries them."""
    now = time.time()
    states = frozenset({State.DEFERRED})
    return _act(setting, options, "retry", states, lambda spool, job: intervention.retry(spool, job, now))


@click.command("restore")
@_acting
@click.pass_obj
def restore(setting: Setting, /, **options: Any) -> int:
    """Take removed packets out of the trash: they are held then, and can be released."""
    return _act(setting, options, "restore", frozenset({State.REMOVED}), intervention.restore)


@click.command("remove")
@_acting
@click.option("--reason", default="removed by the operator", show_default=True, help="kept with the packet")
@click.option("--keep", type=DURATION, metavar="AGE", help="in the trash, in place of trash-age")
@click.option("--yes", is_flag=True, help="do not ask")
@click.pass_obj
def remove(setting: Setting, /, *, reason: str, keep: float | None, yes: bool, **options: Any) -> int:
    """Move packets into the trash, after asking; an inbound one will not be accepted again.

    There they can be looked at (list --state removed) and restored until they expire. With
    --state removed they are removed for good.
    """
    age = keep if keep is not None else setting.config().trash_age
    expires = time.time() + age
    for_good = State.REMOVED.value in options["states"]

    def action(spool: Spool, job: Job) -> None:
        intervention.remove(spool, job, reason, expires)

    question = (
        None if yes else "remove {} packets for good?" if for_good else "move {} packets into the trash?"
    )
    return _act(setting, options, "remove", _ANY, action, question=question)


def _act(
    setting: Setting,
    options: dict[str, Any],
    verb: str,
    states: frozenset[State],
    action: Callable[[Spool, Job], object],
    *,
    question: str | None = None,
) -> int:
    """Do something to every selected packet in one of the states the verb applies to.

    Status 1 if nothing was selected or one failed, 75 if one was being worked on.
    """
    view = View.of(setting)
    everything, dry_run, as_json = (options.pop(key) for key in ("everything", "dry_run", "as_json"))
    unsaid = not options["states"]
    selector = selector_of(view.config, options)
    if selector.everything and not everything:
        msg = f"{verb} what? Name packets, select some with options, or give --all"
        raise UsageError(msg)
    if unsaid and verb == "restore":
        selector = selector.of_states(states)
    now = time.time()
    rows = [row for row in view.rows(selector, now) if row.state in states]
    if not rows:
        setting.say(f"nothing to {verb}")
        return EX_FAILURE
    if question and not dry_run:
        _ask(view, rows, now, question)
    status = EX_OK
    for row in rows:
        try:
            if not dry_run:
                action(view.spool, row.job)
        except SpoolError as failure:
            setting.say(f"{row.job.name}: {failure}")
            status = max(status, EX_TEMPFAIL if isinstance(failure, LockBusy) else EX_FAILURE)
            continue
        if as_json:
            done = {"action": verb, "done": not dry_run}
            click.echo(json.dumps(done | describe(row, view.names)))
        elif not setting.quiet:
            click.echo(f"{'would ' if dry_run else ''}{verb} {row.job.name}")
    return status


def _ask(view: View, rows: list[Row], now: float, question: str) -> None:
    listing = Listing(view.names, now, headers=True)
    for line in plain_lines(listing.columns, map(listing.row, rows[:_SHOWN])):
        click.echo(line, err=True)
    if len(rows) > _SHOWN:
        click.echo(f"and {len(rows) - _SHOWN} more", err=True)
    click.confirm(question.format(len(rows)), abort=True, err=True)
