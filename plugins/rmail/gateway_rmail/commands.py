"""``gateway rmail setup`` and ``gateway rmail check``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

import click

from gateway import MtaFile, read_routes, show_findings, write_mta_files

if TYPE_CHECKING:
    from gateway_rmail.setup import Mta, Piece


@click.group()
def rmail() -> None:
    """Set up, and check, the UUCP style of this node."""


@rmail.command(short_help="what the MTA needs for mail in UUCP's way: print it, or write it")
@click.option("--node", metavar="NODE", help="the node that gets everything without a route of its own")
@click.option(
    "--route", "routes", metavar="DOMAIN=NODE", multiple=True, help="a domain's node; may be repeated"
)
@click.option(
    "--mta", type=click.Choice(["exim", "exim-split", "postfix"]), help="the MTA here  [default: looked for]"
)
@click.option("--user", default="gateway", show_default=True, help="the user that the gateway runs as")
@click.option("--command", "program", metavar="PATH", help="the gateway's program  [default: this one]")
@click.option("--config", metavar="FILE", help="the gateway's configuration, if not at its usual place")
@click.option(
    "--handle", default="rmail", show_default=True, help="the word under which the far side takes mail"
)
@click.option(
    "--sendmail", metavar="PATH", default="/usr/sbin/sendmail", show_default=True, help="the MTA's sendmail"
)
@click.option("--send/--no-send", default=None, help="only, or not, what sends  [default: both directions]")
@click.option("--receive/--no-receive", default=None, help="only, or not, what receives")
@click.option("--from-uucp", is_flag=True, help="add scripts in place of uux and rmail, and the steps")
@click.option("--write", "directory", metavar="DIR", help="write the files below DIR")
@click.option("--force", is_flag=True, help="with --write: replace files that were changed")
@click.pass_context
def setup(
    context: click.Context,
    *,
    node: str | None,
    routes: tuple[str, ...],
    mta: str | None,
    user: str,
    program: str | None,
    config: str | None,
    handle: str,
    sendmail: str,
    send: bool | None,
    receive: bool | None,
    from_uucp: bool,
    directory: str | None,
    force: bool,
) -> None:
    """Print, or write, what Exim or Postfix needs to send in UUCP's style through the gateway."""
    from gateway_rmail.setup import Plan, detect_mta, gateway_lines, next_steps, pieces  # noqa: PLC0415 - loaded on demand

    plan = Plan(
        mta=cast("Mta", mta) if mta else detect_mta(),
        node=node,
        routes=read_routes(routes),
        user=user,
        command=program or os.path.abspath(sys.argv[0]),
        config=config or getattr(context.obj, "config_path", None),
        handle=handle,
        sendmail=sendmail,
        send=send if send is not None else not receive,
        receive=receive if receive is not None else not send,
        from_uucp=from_uucp,
    )
    found = pieces(plan)
    if directory is None:
        for piece in found:
            text = piece.text if piece.script else f"# {piece.purpose}\n{piece.text}"
            click.echo(f"# ===== {piece.name}\n{text}")
    else:
        write(directory, found, force=force)
    if plan.receive or plan.from_uucp:
        click.echo(f"# ===== the gateway's configuration\n{gateway_lines(plan)}")
    click.echo("# ===== next")
    for step in next_steps(plan):
        click.echo(f"#   {step}")


def write(directory: str, found: list[Piece], *, force: bool) -> None:
    """Write the files below a directory, or none of them; scripts are executable.

    Raises:
        GatewayError: temporary; somebody changed one of them, and `force` is not set.
    """
    files = []
    for piece in found:
        head = "" if piece.script else f"# {piece.purpose}\n# Written by `gateway rmail setup`.\n"
        mode = 0o755 if piece.script else 0o644
        files.append(MtaFile(os.path.join(directory, piece.name), head + piece.text, mode))
    for path in write_mta_files(files, force=force):
        click.echo(f"wrote {path}")


@rmail.command(short_help="look what stands behind the handles that do rmail's work")
@click.option("--user", metavar="NAME", help="the user that delivers  [default: the spool's owner]")
@click.option("--json", "as_json", is_flag=True, help="one object a line")
@click.pass_context
def check(context: click.Context, *, user: str | None, as_json: bool) -> None:
    """Look what stands behind the handles that do rmail's work, and whether it is safe.

    Exit status 1 if anything is wrong; each line says why, and the line that mends it.
    """
    from gateway_rmail.check import findings  # noqa: PLC0415 - loaded on demand

    context.exit(show_findings(findings(context.obj.config(), user), as_json=as_json))
