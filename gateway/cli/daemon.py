"""``gateway daemon``: answer online sessions."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.descriptors import allow_descriptors
from gateway.cli.leaving import leaving
from gateway.cli.types import NICENESS
from gateway.errors import EX_OK, EX_TEMPFAIL

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Neighbour
    from gateway.links.session import Account


@click.command("daemon")
@click.option(
    "--bind", "-bind", metavar="ADDR:PORT", help="where to listen; default [serve] daemon, [::]:5400"
)
@click.option(
    "--max-connections", "-maxconn", type=click.IntRange(1), default=128, metavar="N", help="at a time"
)
@click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="only up to this niceness")
@click.option(
    "--stdio", "-ucspi", "-inetd", is_flag=True, help="one session on stdin and stdout (ssh, inetd)"
)
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.pass_obj
def command(
    setting: Setting,
    *,
    bind: str | None,
    max_connections: int,
    nice: int,
    stdio: bool,
    quiet: bool,
    noprogress: bool,
) -> int:
    """Answer the calls of neighbours, several at a time, until SIGTERM or SIGINT.

    Whatever a caller does ends its own session and nothing else.
    """
    del noprogress
    from gateway.engine.ground import identity_of  # noqa: PLC0415 - not for the help page
    from gateway.links.daemon import Daemon, Door, listening  # noqa: PLC0415 - as above
    from gateway.links.session import Party, Rules, Wire, deadline  # noqa: PLC0415 - as above

    config = setting.config()
    quiet, mute = quiet or setting.quiet, stdio and _stderr_is_the_wire()
    stop = leaving().is_set

    def rules_for(neighbour: Neighbour) -> Rules:
        return Rules.of(neighbour)._replace(max_niceness=nice)

    def tell(peer: str, account: Account) -> None:
        who = " ".join(word for word in (account.peer, peer) if word)
        for note in () if mute else account.notes:
            setting.say(note)
        if account.broken and not mute:
            setting.say(f"{who or 'caller'}: {account.end}")
        elif not quiet and not mute:
            setting.say(f"{who}: {account}")

    party = Party(identity_of(config), setting.open_spool(config), setting.registry(config).event, stop)
    door = Door(config, party, rules_for, deadline=deadline())
    if stdio:
        with Wire(0, 1) as wire:
            account = door.serve(wire)
        tell("", account)
        return EX_TEMPFAIL if account.broken else EX_OK
    allow_descriptors()
    with listening(bind or config.serve.daemon or "[::]:5400") as listener:
        if not quiet:
            host, port = listener.getsockname()[:2]
            setting.say(f"listening on {host}:{port}")
        Daemon(door, most=max_connections, stop=stop, tell=tell).run(listener)
    return EX_OK


def _stderr_is_the_wire() -> bool:
    """Whether what we say on stderr would go to the peer, as with inetd."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, AttributeError, ValueError):
        return True
