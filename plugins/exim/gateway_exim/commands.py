"""``gateway exim setup`` and ``gateway exim check``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import click

from gateway import UsageError, put_pieces, setup_options, show_findings, show_part, show_steps

if TYPE_CHECKING:
    from gateway import Wanted
    from gateway_exim.setup import Layout, Way


@click.group()
def exim() -> None:
    """Exim's side of this node: set it up, check it."""


@exim.command(short_help="what Exim needs to send and to receive: print it, or write it")
@setup_options(below="*.DOMAIN", handle="rsmtp", sendmail="the Exim here")
@click.option("--lookup", metavar="FILE", help="take the routes from a file such as /etc/gateway/nodes")
@click.option("--layout", type=click.Choice(["split", "single", "plain"]), help="how Exim is configured here")
@click.option(
    "--lmtp", "way", flag_value="lmtp", help="hand over to `gateway serve`, which answers by recipient"
)
@click.option(
    "--lmtp-command", "way", flag_value="lmtp-command", help="the same to a process for each message"
)
@click.option("--socket", metavar="PATH", help="with --lmtp: where `gateway serve` listens")
@click.option("--write", "directory", metavar="DIR", help="write the files below DIR (Debian: /etc/exim4)")
@click.option("--force", is_flag=True, help="with --write: replace files that were changed")
def setup(
    *,
    wanted: Wanted,
    lookup: str | None,
    layout: str | None,
    way: str | None,
    socket: str | None,
    directory: str | None,
    force: bool,
) -> None:
    """Print, or write, what Exim needs to send through and receive from the gateway."""
    from gateway_exim.lmtp_transport import SOCKET  # noqa: PLC0415 - loaded on demand
    from gateway_exim.setup import (  # noqa: PLC0415 - loaded on demand
        Plan,
        detect_layout,
        gateway_lines,
        lookup_lines,
        next_steps,
        pieces,
        serve_lines,
    )

    plan = Plan(
        **wanted,
        layout=cast("Layout", layout) if layout else detect_layout(),
        lookup=lookup,
        way=cast("Way", way or "bsmtp"),
        socket=socket or SOCKET,
    )
    if socket and way != "lmtp":
        msg = "--socket belongs to --lmtp"
        raise UsageError(msg)
    put_pieces(pieces(plan), directory, writer="gateway exim setup", force=force)
    if plan.send and plan.lookup:
        show_part(plan.lookup, lookup_lines(plan))
    if plan.send and plan.way == "lmtp":
        show_part("the gateway's configuration, to send", serve_lines(plan))
    if plan.receive:
        show_part("the gateway's configuration, to receive", gateway_lines(plan))
    show_steps(next_steps(plan))


@exim.command(short_help="ask Exim whether mail to ADDRESS goes through the gateway, safely")
@click.argument("address")
@click.option("--exim", "program", metavar="PATH", help="the Exim to ask  [default: looked for]")
@click.option("-C", "configuration", metavar="FILE", help="the configuration, if not the one built into Exim")
@click.option("--user", metavar="USER", help="the user that delivers  [default: the one who asks]")
@click.option("--json", "as_json", is_flag=True, help="one object a line")
@click.pass_context
def check(
    context: click.Context,
    *,
    address: str,
    program: str | None,
    configuration: str | None,
    user: str | None,
    as_json: bool,
) -> None:
    """Ask Exim whether mail to ADDRESS goes through the gateway and is safe there.

    Exit status 1 if anything is wrong; each line says why, and the line that mends it.
    """
    import pwd  # noqa: PLC0415 - loaded on demand

    from gateway_exim.check import find_exim, findings  # noqa: PLC0415 - same

    exim_program = [program or find_exim(), *(["-C", configuration] if configuration else [])]
    user = user or pwd.getpwuid(os.geteuid()).pw_name
    context.exit(show_findings(findings(exim_program, address, user), as_json=as_json))
