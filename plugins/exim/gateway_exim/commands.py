"""``gateway exim setup`` and ``gateway exim check``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

import click

from gateway import MtaFile, UsageError, read_routes, show_findings, write_mta_files

if TYPE_CHECKING:
    from gateway_exim.setup import Layout, Piece, Way


@click.group()
def exim() -> None:
    """Exim's side of this node: set it up, check it."""


@exim.command(short_help="what Exim needs to send and to receive: print it, or write it")
@click.option("--node", metavar="NODE", help="the node that gets everything without a route of its own")
@click.option(
    "--route", "routes", metavar="DOMAIN=NODE", multiple=True, help="a domain's node; may be repeated"
)
@click.option("--lookup", metavar="FILE", help="take the routes from a file such as /etc/gateway/nodes")
@click.option("--layout", type=click.Choice(["split", "single", "plain"]), help="how Exim is configured here")
@click.option(
    "--user", metavar="USER", default="gateway", show_default=True, help="the user that the gateway runs as"
)
@click.option("--command", "program", metavar="PATH", help="the gateway's program  [default: this one]")
@click.option("--config", metavar="FILE", help="the gateway's configuration, if not at its usual place")
@click.option(
    "--handle",
    metavar="HANDLE",
    default="rsmtp",
    show_default=True,
    help="the word under which the far side takes mail",
)
@click.option(
    "--sendmail", metavar="PATH", default="/usr/sbin/sendmail", show_default=True, help="the Exim here"
)
@click.option(
    "--lmtp", "way", flag_value="lmtp", help="hand over to `gateway serve`, which answers by recipient"
)
@click.option(
    "--lmtp-command", "way", flag_value="lmtp-command", help="the same to a process for each message"
)
@click.option("--socket", metavar="PATH", help="with --lmtp: where `gateway serve` listens")
@click.option("--send/--no-send", default=None, help="only, or not, what sends  [default: both directions]")
@click.option("--receive/--no-receive", default=None, help="only, or not, what receives")
@click.option("--write", "directory", metavar="DIR", help="write the files below DIR (Debian: /etc/exim4)")
@click.option("--force", is_flag=True, help="with --write: replace files that were changed")
@click.pass_context
def setup(
    context: click.Context,
    *,
    node: str | None,
    routes: tuple[str, ...],
    lookup: str | None,
    layout: str | None,
    user: str,
    program: str | None,
    config: str | None,
    handle: str,
    sendmail: str,
    way: str | None,
    socket: str | None,
    send: bool | None,
    receive: bool | None,
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
        layout=cast("Layout", layout) if layout else detect_layout(),
        node=node,
        routes=read_routes(routes),
        lookup=lookup,
        user=user,
        command=program or os.path.abspath(sys.argv[0]),
        config=config or getattr(context.obj, "config_path", None),
        handle=handle,
        sendmail=sendmail,
        send=send if send is not None else not receive,
        receive=receive if receive is not None else not send,
        way=cast("Way", way or "bsmtp"),
        socket=socket or SOCKET,
    )
    if socket and way != "lmtp":
        msg = "--socket belongs to --lmtp"
        raise UsageError(msg)
    found = pieces(plan)
    if directory is None:
        for piece in found:
            click.echo(f"# ===== {piece.name}\n{_comment(piece.purpose)}\n{piece.text}")
    else:
        write(directory, found, force=force)
    if plan.send and plan.lookup:
        click.echo(f"# ===== {plan.lookup}\n{lookup_lines(plan)}")
    if plan.send and plan.way == "lmtp":
        click.echo(f"# ===== the gateway's configuration, to send\n{serve_lines(plan)}")
    if plan.receive:
        click.echo(f"# ===== the gateway's configuration, to receive\n{gateway_lines(plan)}")
    click.echo("# ===== next")
    for step in next_steps(plan):
        click.echo(f"#   {step}")


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in text.splitlines())


def write(directory: str, found: list[Piece], *, force: bool) -> None:
    """Write the files below a directory, or none of them.

    Raises:
        GatewayError: temporary; somebody changed one of them, and `force` is not set.
    """
    head = "# Written by `gateway exim setup`."
    files = [
        MtaFile(os.path.join(directory, piece.name), f"{_comment(piece.purpose)}\n{head}\n{piece.text}")
        for piece in found
    ]
    for path in write_mta_files(files, force=force):
        click.echo(f"wrote {path}")


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
