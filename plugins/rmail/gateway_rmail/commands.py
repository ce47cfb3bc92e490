"""``gateway rmail setup`` and ``gateway rmail check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from gateway import put_pieces, setup_options, show_findings, show_part, show_steps

if TYPE_CHECKING:
    from gateway import Wanted
    from gateway_rmail.setup import Mta


@click.group()
def rmail() -> None:
    """Set up, and check, the UUCP style of this node."""


@rmail.command(short_help="what the MTA needs for mail in UUCP's way: print it, or write it")
@setup_options(below="*.DOMAIN", handle="rmail", sendmail="the MTA's sendmail")
@click.option(
    "--mta", type=click.Choice(["exim", "exim-split", "postfix"]), help="the MTA here  [default: looked for]"
)
@click.option("--from-uucp", is_flag=True, help="add scripts in place of uux and rmail, and the steps")
@click.option("--write", "directory", metavar="DIR", help="write the files below DIR")
@click.option("--force", is_flag=True, help="with --write: replace files that were changed")
def setup(*, wanted: Wanted, mta: str | None, from_uucp: bool, directory: str | None, force: bool) -> None:
    """Print, or write, what Exim or Postfix needs to send in UUCP's style through the gateway."""
    from gateway_rmail.setup import Plan, detect_mta, gateway_lines, next_steps, pieces  # noqa: PLC0415 - loaded on demand

    plan = Plan(**wanted, mta=cast("Mta", mta) if mta else detect_mta(), from_uucp=from_uucp)
    put_pieces(pieces(plan), directory, writer="gateway rmail setup", force=force)
    if plan.receive or plan.from_uucp:
        show_part("the gateway's configuration", gateway_lines(plan))
    show_steps(next_steps(plan))


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
