"""``gateway queue export`` and ``import``: single jobs, with all that is remembered of them, as a file."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

import click

from gateway.cli.progress import Progress
from gateway.cli.queue_select import AS_JSON, View, selecting, selector_of
from gateway.engine import intervention
from gateway.engine.ground import identity_of
from gateway.engine.queue import Row, State
from gateway.errors import EX_FAILURE, EX_OK, GatewayError, SpoolError, UsageError
from gateway.packet.identity import encode

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.links.bundle.jobs import Imported

_STANDARD = "-"


@click.command("export")
@selecting
@click.option("--output", "-o", default=_STANDARD, metavar="FILE", help="a new file (standard output)")
@click.option("--remove", is_flag=True, help="then move them into the trash; only what is held")
@click.pass_obj
def export(setting: Setting, /, *, output: str, remove: bool, **options: Any) -> int:
    """Write packets, and what is remembered of them, as one tar file, to be imported elsewhere.

    The packets stay. Moved, rather than copied, they must be held first, so that nobody delivers
    or sends them meanwhile. Status 1 if nothing was selected or one could not be written.
    """
    view = View.of(setting)
    selector = selector_of(view.config, options)
    if selector.everything:
        msg = "export what? Name packets, or select some with options"
        raise UsageError(msg)
    rows = list(view.rows(selector, time.time()))
    if not rows:
        setting.say("nothing to export")
        return EX_FAILURE
    if remove and any(row.state is not State.HELD for row in rows):
        msg = "--remove is for held packets: gateway queue hold them first"
        raise UsageError(msg)
    written = _write(setting, view, rows, output)
    status = EX_OK if len(written) == len(rows) else EX_FAILURE
    for row in written if remove else ():
        try:
            expires = time.time() + view.config.trash_age
            intervention.remove(view.spool, row.job, f"exported to {output}", expires)
        except SpoolError as failure:
            setting.say(f"{row.job.name}: {failure}: it is exported, and still here")
            status = EX_FAILURE
    return status


def _write(setting: Setting, view: View, rows: list[Row], output: str) -> list[Row]:
    """Write the rows, synced where that can be done; return those that were written."""
    from gateway.links.bundle.archive import END  # noqa: PLC0415 - not for the help page
    from gateway.links.bundle.jobs import write_job  # noqa: PLC0415 - same
    from gateway.links.content import NotIntact  # noqa: PLC0415 - same
    from gateway.spool.medium import sync_stream  # noqa: PLC0415 - same

    own = encode(identity_of(view.config).id)
    written = []
    with ExitStack() as until_done:
        stream = _output(output, until_done)
        progress = until_done.enter_context(Progress(sum(row.job.size for row in rows), "exporting"))
        for row in rows:
            try:
                write_job(view.spool, stream, own, row.job)
            except NotIntact:
                setting.say(f"{row.job.name}: left out: the content does not hash to the name")
            except SpoolError as failure:
                setting.say(f"{row.job.name}: left out: {failure}")
            else:
                written.append(row)
            progress.advance(row.job.size)
        stream.write(END)
        stream.flush()
        sync_stream(stream.fileno())
    return written


def _output(output: str, until_done: ExitStack) -> IO[bytes]:
    if output == _STANDARD:
        if sys.stdout.isatty():
            msg = "packets are nothing for a terminal: gateway queue export NAME --output FILE"
            raise UsageError(msg)
        return sys.stdout.buffer
    # Exclusive: an export may be the only copy of what was moved.
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return until_done.enter_context(os.fdopen(fd, "wb"))


@click.command("import")
@click.argument("file", type=click.File("rb"), default=_STANDARD)
@click.option("--hold", is_flag=True, help="set them aside, also what is for somebody else, to be looked at")
@click.option("--dry-run", "-n", is_flag=True, help="read and prove everything, write nothing")
@AS_JSON
@click.pass_obj
def import_(setting: Setting, /, *, file: IO[bytes], hold: bool, dry_run: bool, as_json: bool) -> int:
    """Take packets out of an exported file, each proved before it stands in the spool.

    They get the state they had. What is here already, or was delivered here, is left alone.
    Status 1 if one was refused, 75 if the file breaks off or somebody is at work on the spool.
    """
    from gateway.links.bundle.jobs import Importer  # noqa: PLC0415 - not for the help page

    view = View.of(setting)
    own = encode(identity_of(view.config).id)
    neighbours = {encode(neighbour.id) for neighbour in view.config.neighbours.values()}
    importer = Importer(view.spool, own, neighbours, hold=hold, dry_run=dry_run)
    status, found = EX_OK, 0
    try:
        for imported in importer.read(file.read):
            found += 1
            if imported.trouble:
                status = EX_FAILURE
            _tell(setting, imported, dry_run=dry_run, as_json=as_json)
    except GatewayError as failure:
        setting.say(f"{failure}: import the file again, what was taken is left alone")
        return failure.status
    if not found:
        setting.say("no packets in it")
        return EX_FAILURE
    return status


def _tell(setting: Setting, imported: Imported, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        done = {"action": "import", "done": bool(imported.box) and not dry_run}
        click.echo(json.dumps(done | imported._asdict()))
    elif imported.trouble:
        setting.say(f"{imported.packet}: refused: {imported.trouble}")
    elif setting.quiet:
        return
    elif imported.known:
        click.echo(f"known {imported.packet} ({imported.known})")
    else:
        click.echo(f"{'would import' if dry_run else 'import'} {imported.packet} ({imported.box})")
