"""``gateway bundle``: exchange packets as a tar stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.names import NODE
from gateway.cli.types import NICENESS
from gateway.cli.xfer import summary
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, SpoolError, UsageError
from gateway.packet.identity import encode

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Config
    from gateway.links.account import Exchanged


@click.command("bundle")
@click.option("--tx", "-tx", is_flag=True, help="write what waits for the nodes to standard output")
@click.option("--rx", "-rx", is_flag=True, help="read a bundle from standard input")
@click.option("--delete", "-delete", is_flag=True, help="take what was written out of the spool; see above")
@click.option("--check", "-check", is_flag=True, help="nothing more: names are always held against contents")
@click.option("--dry-run", "-dryrun", is_flag=True, help="--rx: read and prove everything, write nothing")
@click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="only up to this niceness")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.argument("nodes", type=NODE, nargs=-1, metavar="[NODE...]")
@click.pass_obj
def command(
    setting: Setting,
    *,
    tx: bool,
    rx: bool,
    delete: bool,
    check: bool,
    dry_run: bool,
    nice: int,
    quiet: bool,
    noprogress: bool,
    nodes: tuple[str, ...],
) -> int:
    """Write packets for some nodes as one tar stream, or take what is for us out of one.

    With --rx --delete the stream is not received from but proved: packets that we wrote, and
    that can be read back whole, leave the spool. So a tape is written with --tx, rewound, and
    read with --rx --delete before anything is forgotten.
    """
    del check, noprogress
    if tx == rx:
        msg = "either --tx or --rx: gateway bundle --tx NODE... > FILE, gateway bundle --rx < FILE"
        raise UsageError(msg)
    if tx and not nodes:
        msg = "--tx needs the nodes to write for: gateway bundle --tx NODE... > FILE"
        raise UsageError(msg)
    config = setting.config()
    done = (
        _write(setting, config, nodes, nice, delete=delete)
        if tx
        else _read(setting, config, nodes, nice, verify=delete, dry_run=dry_run)
    )
    quiet = quiet or setting.quiet
    for text in (*done.failures, *done.postponed, *(() if quiet else done.notes)):
        setting.say(text)
    if not quiet:
        # Standard output may be the bundle.
        click.echo(summary(done), err=tx)
    if done.failures:
        return EX_FAILURE
    return EX_TEMPFAIL if done.postponed else EX_OK


def _write(setting: Setting, config: Config, nodes: tuple[str, ...], nice: int, *, delete: bool) -> Exchanged:
    from gateway.links.bundle.write import write  # noqa: PLC0415 - not for the help page

    if sys.stdout.isatty():
        msg = "a bundle is nothing for a terminal: gateway bundle --tx NODE... > FILE"
        raise UsageError(msg)
    wanted = [config.neighbour(node) for node in nodes]
    try:
        return write(
            setting.open_spool(config),
            sys.stdout.buffer,
            encode(config.neighbours["self"].id),
            {encode(neighbour.id): neighbour.name for neighbour in wanted},
            max_niceness=nice,
            delete=delete,
            report=setting.registry(config).event,
        )
    except OSError as failure:
        msg = f"standard output: {failure.strerror}: the bundle is not whole, nothing left the spool"
        raise SpoolError(msg) from failure


def _read(
    setting: Setting, config: Config, nodes: tuple[str, ...], nice: int, *, verify: bool, dry_run: bool
) -> Exchanged:
    from gateway.links.bundle.read import Reader  # noqa: PLC0415 - not for the help page

    known = config.neighbours.values()
    reader = Reader(
        setting.open_spool(config),
        encode(config.neighbours["self"].id),
        # Of two names for one id the last one stands, and self only for want of another.
        {encode(n.id): n.name for n in sorted(known, key=lambda n: n.name != "self")},
        {neighbour.name: neighbour.limits for neighbour in known},
        senders={encode(config.neighbour(node).id) for node in nodes} or None,
        max_niceness=nice,
        report=setting.registry(config).event,
    )
    take = sys.stdin.buffer.read
    return reader.verify(take, dry_run=dry_run) if verify else reader.receive(take, dry_run=dry_run)
