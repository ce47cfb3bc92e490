"""``gateway setup``: what a system needs to run the gateway; ``gateway setup systemd``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

import click

from gateway.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Config
    from gateway.service.hardening import Mta
    from gateway.service.units import Unit

_SENDMAIL = "/usr/sbin/sendmail"
_POSTDROP = "/usr/sbin/postdrop"


@click.group("setup")
def command() -> None:
    """Print, or write, what a system needs to run the gateway."""


@command.command("systemd")
@click.option(
    "--mta",
    type=click.Choice(["none", "postfix", "exim"]),
    help="whose programs deliver; none: SMTP, LMTP or Maildir  [default: what the configuration runs]",
)
@click.option(
    "--user", metavar="USER", default="gateway", show_default=True, help="the user that the gateway runs as"
)
@click.option("--command", "program", metavar="PATH", help="the gateway's program  [default: this one]")
@click.option(
    "--resident/--no-resident",
    default=True,
    help="`gateway serve`, or a process for each session and a timer  [default: resident]",
)
@click.option("--write", "directory", metavar="DIR", help="write the files below DIR, such as /etc")
@click.option("--force", is_flag=True, help="with --write: replace files that were changed")
@click.pass_obj
def systemd(
    setting: Setting,
    *,
    mta: str | None,
    user: str,
    program: str | None,
    resident: bool,
    directory: str | None,
    force: bool,
) -> None:
    """Print, or write, units for systemd with the user and the directories they need.

    They are made for the configuration there is, or for the usual places if there is none.
    Programs that are set-user-id or set-group-id do not work in the units of `--mta none`.
    """
    from gateway.mtasetup.pieces import show_part, show_steps  # noqa: PLC0415 - not for the help page
    from gateway.service.units import Site, resident_units, single_units  # noqa: PLC0415 - not for the help page

    program = os.path.abspath(program or sys.argv[0])
    config = _config(setting)
    chosen = cast("Mta", mta) if mta else _mta(config)
    if config is None:
        site = Site(program, user, chosen)
    else:
        site = Site.of(config, command=program, user=user, mta=chosen)
    units = resident_units(site) if resident else single_units(site)
    head = f"# Written by `gateway setup systemd --mta {chosen}`.\n"
    if directory is None:
        for unit in units:
            show_part(unit.name, unit.text)
    else:
        from gateway.mtasetup.files import MtaFile, write_mta_files  # noqa: PLC0415 - loaded on demand

        files = [MtaFile(os.path.join(directory, unit.name), head + unit.text) for unit in units]
        for path in write_mta_files(files, force=force):
            click.echo(f"wrote {path}")
    show_steps(_next_steps(units))


def _config(setting: Setting) -> Config | None:
    """Return the configuration; None if there is none and none was named."""
    from gateway.config import locate  # noqa: PLC0415 - loaded on demand

    try:
        locate(setting.config_path, os.environ)
    except ConfigError:
        return None
    return setting.config()


def _mta(config: Config | None) -> Mta:
    """Return whose programs deliver here, as far as configuration and machine tell."""
    if config is not None:
        handles = [handle for one in config.neighbours.values() for handle in one.handles.values()]
        if not any(handle.command for handle in handles):
            return "none"
    if "exim" in os.path.basename(os.path.realpath(_SENDMAIL)):
        return "exim"
    if os.path.exists(_POSTDROP):
        return "postfix"
    if config is None:
        return "none"
    msg = "handles of neighbours run programs, and which MTA this machine has is not to be seen: say --mta"
    raise UsageError(msg)


def _next_steps(units: list[Unit]) -> list[str]:
    names = [os.path.basename(unit.name) for unit in units]
    start = [name for name in names if name.endswith((".socket", ".timer"))]
    start += [name for name in names if name in ("gateway.service", "gateway-caller.service")]
    return [
        "systemd-sysusers gateway.conf",
        "systemd-tmpfiles --create gateway.conf",
        "systemctl daemon-reload",
        f"systemctl enable --now {' '.join(start)}",
    ]
