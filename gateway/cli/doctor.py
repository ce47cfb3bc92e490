"""``gateway doctor``: what will not work, why it matters, and the line that mends it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator

import click

from gateway.cli import Setting
from gateway.cli.table import tint
from gateway.doctor import CHECKS, Finding, Patient, examine
from gateway.errors import EX_FAILURE, EX_OK, ConfigError


@click.command("doctor")
@click.option("--fix", is_flag=True, help="do what is safe to do: modes and owners")
@click.option("--offline", is_flag=True, help="call nobody")
@click.option("--only", type=click.Choice(list(CHECKS)), multiple=True, help="look at this alone")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a finding")
@click.pass_obj
def command(setting: Setting, *, fix: bool, offline: bool, only: tuple[str, ...], as_json: bool) -> int:
    """Look at everything that mail depends on here, and name what will not work.

    Nothing is changed without --fix. Status 0: nothing found, or all of it was mended; 1: findings.
    """
    left = 0
    for finding in _found(setting, only or [name for name in CHECKS if not (offline and name == "links")]):
        fixed = fix and _cured(setting, finding)
        left += not fixed
        if as_json:
            fields = {**finding._asdict(), "cure": finding.cure is not None, "fixed": fixed}
            click.echo(json.dumps(fields))
        else:
            _show(finding, fixed=fixed)
    if not left and not as_json and not setting.quiet:
        click.echo("nothing else was found" if fix else "nothing was found")
    return EX_FAILURE if left else EX_OK


def _found(setting: Setting, subjects: Iterable[str]) -> Iterator[Finding]:
    try:
        config = setting.config()
    except ConfigError as wrong:
        why = "nothing can be queued or delivered; MTAs keep their mail"
        for line in wrong.mistakes:
            place, _, text = line.partition(": ")
            yield Finding(place, text or line, why, f"edit {place}, then gateway config check")
        return
    yield from examine(Patient(config, setting.registry(config), time.time()), subjects)


def _cured(setting: Setting, finding: Finding) -> bool:
    if finding.cure is None:
        return False
    try:
        finding.cure()
    except OSError as failure:
        setting.say(f"{finding.subject}: not mended: {failure.strerror or failure}")
        return False
    return True


def _show(finding: Finding, *, fixed: bool) -> None:
    click.echo(f"{tint(finding.subject, 'strong')}: {tint(finding.what, 'bad')}")
    click.echo(f"    why:  {tint(finding.why, 'quiet')}")
    click.echo(f"    {'done' if fixed else 'mend'}: {tint(finding.mend, 'good')}")
