"""``gateway postfix setup`` and ``gateway postfix check``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gateway import (
    MtaFile,
    UsageError,
    setup_options,
    show_findings,
    show_part,
    show_steps,
    write_mta_files,
)

if TYPE_CHECKING:
    from gateway import Wanted
    from gateway_postfix.setup import Plan

_DIRECTORY = "/etc/postfix"


@click.group()
def postfix() -> None:
    """Postfix's side of this node: set it up, check it."""


@postfix.command(short_help="what Postfix needs to send and to receive: print it, or write it")
@setup_options(below=".DOMAIN", handle="rsmtp", sendmail="Postfix's sendmail")
@click.option("--lmtp", is_flag=True, help="hand over to `gateway serve`, which answers by recipient")
@click.option("--socket", metavar="PATH", help="with --lmtp: where `gateway serve` listens")
@click.option("--postconf", metavar="PATH", help="Postfix's postconf  [default: looked for]")
@click.option(
    "--postfix-config", "directory", metavar="DIR", help="Postfix's configuration (Debian: /etc/postfix)"
)
@click.option("--write", is_flag=True, help="change the configuration in --postfix-config, by postconf")
@click.option("--force", is_flag=True, help="with --write: replace what is there and says otherwise")
def setup(
    *,
    wanted: Wanted,
    lmtp: bool,
    socket: str | None,
    postconf: str | None,
    directory: str | None,
    write: bool,
    force: bool,
) -> None:
    """Print, or write, what Postfix needs to send through and receive from the gateway."""
    from gateway_postfix.service import SOCKET  # noqa: PLC0415 - loaded on demand
    from gateway_postfix.setup import Plan, gateway_lines, next_steps, serve_lines  # noqa: PLC0415 - same

    plan = Plan(**wanted, lmtp=lmtp, socket=socket or SOCKET)
    if socket and not lmtp:
        msg = "--socket belongs to --lmtp"
        raise UsageError(msg)
    if write and directory is None:
        msg = f"--write needs --postfix-config, the directory to change (Debian: {_DIRECTORY})"
        raise UsageError(msg)
    if plan.send and write and directory is not None:
        write_files(plan, directory, postconf, force=force)
    elif plan.send:
        _show(plan, directory, postconf)
    if plan.send and plan.lmtp:
        show_part("the gateway's configuration, to send", serve_lines(plan))
    if plan.receive:
        show_part("the gateway's configuration, to receive", gateway_lines(plan))
    show_steps(next_steps(plan))


def _show(plan: Plan, directory: str | None, postconf: str | None) -> None:
    from gateway_postfix.postfix import Postfix  # noqa: PLC0415 - loaded on demand
    from gateway_postfix.setup import EXTENDED, TABLE, parameters, table  # noqa: PLC0415 - same

    present = {}
    if directory is not None:
        asked = Postfix(_postconf(postconf), directory)
        present = {name: asked.written(name) for name in EXTENDED}
    where = directory or _DIRECTORY
    values = parameters(plan, where, present)
    show_part(f"{where}/master.cf", plan.block)
    show_part(f"{where}/main.cf", "".join(f"{name} = {value}\n" for name, value in values.items()))
    if plan.routes:
        show_part(f"{where}/{TABLE}", table(plan))


def _postconf(given: str | None) -> str:
    from gateway_postfix.postfix import find_postconf  # noqa: PLC0415 - loaded on demand

    return given or find_postconf()


def write_files(plan: Plan, directory: str, postconf: str | None, *, force: bool) -> None:
    """Change Postfix's configuration by its own tools, all of it or nothing.

    Raises:
        GatewayError: temporary; something is there that says otherwise, and `force` is not set.
    """
    from gateway_postfix.postfix import Postfix  # noqa: PLC0415 - loaded on demand
    from gateway_postfix.service import SERVICE  # noqa: PLC0415 - same
    from gateway_postfix.setup import EXTENDED, TABLE, parameters, table  # noqa: PLC0415 - same

    asked = Postfix(_postconf(postconf), directory)
    files = [MtaFile(os.path.join(directory, TABLE), table(plan))] if plan.routes else []
    other = [] if asked.service(SERVICE) in (None, plan.entry) else [f"service {SERVICE}"]
    for path in write_mta_files(files, force=force, changed=other):
        click.echo(f"wrote {path}")
    asked.edit("-M", f"{SERVICE}/unix={plan.entry}")
    click.echo(f"wrote service {SERVICE} to {directory}/master.cf")
    values = parameters(plan, directory, {name: asked.written(name) for name in EXTENDED})
    asked.edit("-e", *(f"{name}={value}" for name, value in values.items()))
    click.echo(f"wrote {', '.join(values)} to {directory}/main.cf")


@postfix.command(short_help="ask Postfix whether mail to ADDRESS goes through the gateway, safely")
@click.argument("address")
@click.option("--postconf", metavar="PATH", help="Postfix's postconf  [default: looked for]")
@click.option("--postfix-config", "directory", metavar="DIR", help="if not the one built into Postfix")
@click.option(
    "--sendmail", metavar="PATH", default="/usr/sbin/sendmail", show_default=True, help="Postfix's sendmail"
)
@click.option("--user", metavar="NAME", help="the user that delivers  [default: the one who asks]")
@click.option("--json", "as_json", is_flag=True, help="one object a line")
@click.pass_context
def check(
    context: click.Context,
    *,
    address: str,
    postconf: str | None,
    directory: str | None,
    sendmail: str,
    user: str | None,
    as_json: bool,
) -> None:
    """Ask Postfix whether mail to ADDRESS goes through the gateway and is safe there.

    Exit status 1 if anything is wrong; each line says why, and the line that mends it.
    """
    import pwd  # noqa: PLC0415 - loaded on demand

    from gateway_postfix.check import findings  # noqa: PLC0415 - same
    from gateway_postfix.postfix import Postfix  # noqa: PLC0415 - same

    asked = Postfix(_postconf(postconf), directory)
    user = user or pwd.getpwuid(os.geteuid()).pw_name
    context.exit(show_findings(findings(asked, address, user, sendmail), as_json=as_json))
