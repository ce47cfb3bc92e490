"""``gateway queue check``: is the spool what docs/spool.md says; with ``--repair`` it is mended."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from gateway.cli.progress import Progress
from gateway.cli.queue_select import AS_JSON, Ground
from gateway.cli.table import tint
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, GatewayError, LockBusy
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.spool.finding import Finding


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

    ground = Ground.of(setting)
    identity = ground.config.identity
    own = encode(identity.id) if identity else ""
    checked = Check(ground.spool, time.time(), own=own, keep=ground.config.trash_age)
    status, found = EX_OK, 0
    with Progress(checked.size, "checking") as progress:
        findings = list(checked.findings(contents=not quick, advance=progress.advance))
    for finding in findings:
        found += 1
        mended, trouble = False, ""
        if repair and finding.mend is not None:
            try:
                finding.mend()
                mended = True
            except GatewayError as failure:
                trouble = str(failure)
                status = max(status, EX_TEMPFAIL if isinstance(failure, LockBusy) else EX_FAILURE)
        if not mended and not trouble:
            status = max(status, EX_FAILURE)
        if as_json:
            click.echo(json.dumps(_facts(finding, mended=mended, trouble=trouble)))
        else:
            click.echo(_line(finding, mended=mended, trouble=trouble))
    if not setting.quiet and not as_json:
        setting.say(f"{found} findings" if found else "all is well")
    return status


def _facts(finding: Finding, *, mended: bool, trouble: str) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "path": finding.path,
        "text": finding.text,
        "advice": finding.advice,
        "mendable": finding.mend is not None,
        "mended": mended,
        "trouble": trouble,
    }


def _line(finding: Finding, *, mended: bool, trouble: str) -> str:
    if mended:
        word, then = tint("mended", "good"), ""
    else:
        word = tint(finding.kind, "bad")
        then = trouble or finding.advice or "gateway queue check --repair mends it"
    said = f"{word}: {tint(finding.path, 'strong')}: {printable(finding.text)}"
    return f"{said} ({printable(then)})" if then else said
