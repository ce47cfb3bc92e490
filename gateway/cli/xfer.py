"""``gateway xfer``: exchange packets with a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.names import NODE
from gateway.cli.types import NICENESS
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.links.xfer import Exchanged

_KIB = 1024


@click.command("xfer")
@click.option("--rx", "-rx", is_flag=True, help="only receive")
@click.option("--tx", "-tx", is_flag=True, help="only send")
@click.option("--node", "-node", type=NODE, metavar="NODE", help="only with this neighbour")
@click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="only up to this niceness")
@click.option("--mkdir", "-mkdir", is_flag=True, help="make directories for neighbours that have none there")
@click.option("--keep", "-keep", is_flag=True, help="leave the originals, there and in the spool")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.argument("directory", metavar="DIR")
@click.pass_obj
def command(
    setting: Setting,
    *,
    rx: bool,
    tx: bool,
    node: str | None,
    nice: int,
    mkdir: bool,
    keep: bool,
    quiet: bool,
    noprogress: bool,
    directory: str,
) -> int:
    """Receive what lies in DIR for us, then put there what we have for the neighbours.

    DIR holds a directory for every node that takes part; a neighbour without one is passed
    over unless --mkdir is given. Status 1: something needs a person; 75: something will go
    better next time (a lock was busy, no room).
    """
    del noprogress
    if rx and tx:
        msg = "--rx and --tx exclude each other; both is what happens with neither"
        raise UsageError(msg)
    from gateway.links.xfer import exchange  # noqa: PLC0415 - not for the help page

    config = setting.config()
    wanted = list(config.neighbours.values()) if node is None else [config.neighbour(node)]
    done = exchange(
        setting.open_spool(config),
        directory,
        config.neighbours["self"].id,
        {neighbour.name: neighbour.id for neighbour in wanted},
        limits={neighbour.name: neighbour.limits for neighbour in wanted},
        receive=not tx,
        send=not rx,
        max_niceness=nice,
        keep=keep,
        mkdir=mkdir,
        report=setting.registry(config).event,
    )
    quiet = quiet or setting.quiet
    for text in (*done.failures, *done.postponed, *(() if quiet else done.notes)):
        setting.say(text)
    if not quiet:
        click.echo(summary(done))
    if done.failures:
        return EX_FAILURE
    return EX_TEMPFAIL if done.postponed else EX_OK


def summary(done: Exchanged) -> str:
    """Return one line that says what an exchange did."""
    line = f"received {done.received}, sent {done.sent}, {-(-done.bytes // _KIB)} KiB"
    if done.known:
        line += f"; {done.known} had arrived before"
    if done.present:
        line += f"; {done.present} lay there already"
    return line
