"""`gateway toss`: work through what arrived."""

from __future__ import annotations

import os
import signal
import threading

import click

from gateway.cli import Setting
from gateway.cli.names import NODE
from gateway.cli.types import NICENESS
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL


@click.command("toss")
@click.option("--node", "-node", type=NODE, metavar="NODE", help="only what this neighbour handed over")
@click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="only up to this niceness")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", default=1, show_default=True, help="deliveries at once"
)
@click.option("--cycle", "-cycle", type=click.FloatRange(min=0.1), metavar="SECONDS", help="go on for ever")
@click.option("--dry-run", "-dryrun", is_flag=True, help="verify and say what would be done")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="no summary")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.pass_obj
def command(
    setting: Setting,
    node: str | None,
    nice: int,
    jobs: int,
    cycle: float | None,
    *,
    dry_run: bool,
    quiet: bool,
    noprogress: bool,
) -> int:
    """Verify every packet that arrived, to its last byte; then deliver or relay it.

    Most urgent first, then oldest. Deferred deliveries are tried again when they are due;
    what cannot be delivered is held with its reason (gateway queue list --state held).
    Exits with 0, 1 when something was deferred, held or failed, 75 when another process was
    at work on the same neighbour.
    """
    from gateway.engine.toss import Selection, Tosser  # noqa: PLC0415 - not needed for --help

    del noprogress
    config = setting.config()
    selection = Selection(node=config.neighbour(node).id if node else None, max_niceness=nice)
    spool = setting.open_spool(config)  # before the plugins: they run as its owner, never as root
    if not os.path.isdir(os.path.dirname(spool.root)):
        spool.free()  # Nothing to do, on a disk that is not mounted, would be a lie.
    registry = setting.registry(config)
    tosser = Tosser(config, spool, registry, say=setting.say)
    stop = asked_to_stop()
    while True:
        if not dry_run:
            spool.recover()
        tally = tosser.pass_over(selection, jobs=jobs, dry_run=dry_run, stopping=stop.is_set)
        for words in tally.busy.values():
            setting.say(words)
        if not (quiet or setting.quiet) and (summary := str(tally)):
            click.echo(summary)
        if cycle is None or stop.wait(cycle):
            break
    if tally.troubled:
        return EX_FAILURE
    return EX_TEMPFAIL if tally.busy else EX_OK


def asked_to_stop() -> threading.Event:
    """Return what SIGTERM, SIGINT or SIGHUP sets; a second one ends the process at once.

    A job that is cut short counts as a death of ours, so those at work are let finish.
    """
    stop = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def ask(_number: int, _frame: object) -> None:
        stop.set()
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)

    for number in numbers:
        signal.signal(number, ask)
    return stop
