"""``gateway queue check``: is the spool what docs/spool.md says; with ``--repair`` it is mended."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from gateway.cli.progress import Progress
from gateway.cli.queue_select import AS_JSON, View
from gateway.cli.table import tint
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, GatewayError, LockBusy
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.spool.flaw import Flaw


@click.command("check")
@click.option("--repair", is_flag=True, help="mend what can be mended safely, and empty the trash")
@click.option("--quick", is_flag=True, help="do not read the packets' contents")
@AS_JSON
@click.pass_obj
def check(setting: Setting, /, *, repair: bool, quick: bool, as_json: bool) -> int:
    """Hold names against contents, and everything in the spool against the tables of its states.

    Without --repair nothing is changed. Status 0 if all is well or mended, 1 if something is left
    for a person, 75 if somebody was at work on what is to be mended.
    """
    from gateway.packet.identity import encode  # noqa: PLC0415 - not for the help page
    from gateway.spool.check import Check  # noqa: PLC0415 - same

    view = View.of(setting)
    identity = view.config.identity
    own = encode(identity.id) if identity else ""
    checked = Check(view.spool, time.time(), own=own, keep=view.config.trash_age)
    status, found = EX_OK, 0
    with Progress(checked.size, "checking") as progress:
        flaws = list(checked.flaws(contents=not quick, advance=progress.advance))
    for flaw in flaws:
        found += 1
        mended, trouble = False, ""
        if repair and flaw.mend is not None:
            try:
                flaw.mend()
                mended = True
            except GatewayError as failure:
                trouble = str(failure)
                status = max(status, EX_TEMPFAIL if isinstance(failure, LockBusy) else EX_FAILURE)
        if not mended and not trouble:
            status = max(status, EX_FAILURE)
        if as_json:
            click.echo(json.dumps(_facts(flaw, mended=mended, trouble=trouble)))
        else:
            click.echo(_line(flaw, mended=mended, trouble=trouble))
    if not setting.quiet and not as_json:
        setting.say(f"{found} findings" if found else "all is well")
    return status


def _facts(flaw: Flaw, *, mended: bool, trouble: str) -> dict[str, object]:
    return {
        "kind": flaw.kind,
        "path": flaw.path,
        "text": flaw.text,
        "advice": flaw.advice,
        "mendable": flaw.mend is not None,
        "mended": mended,
        "trouble": trouble,
    }


def _line(flaw: Flaw, *, mended: bool, trouble: str) -> str:
    if mended:
        word, then = tint("mended", "good"), ""
    else:
        word = tint(flaw.kind, "bad")
        then = trouble or flaw.advice or "gateway queue check --repair mends it"
    said = f"{word}: {tint(flaw.path, 'strong')}: {printable(flaw.text)}"
    return f"{said} ({printable(then)})" if then else said
