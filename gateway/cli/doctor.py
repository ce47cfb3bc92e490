"""``gateway doctor``: what will not work, why it matters, and the line that mends it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator

import click

from gateway.cli import Setting
from gateway.cli.table import tint
from gateway.doctor import CHECKS, Ailment, Patient, examine
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
    for ailment in _found(setting, only or [name for name in CHECKS if not (offline and name == "links")]):
        fixed = fix and _cured(setting, ailment)
        left += not fixed
        if as_json:
            fields = {**ailment._asdict(), "cure": ailment.cure is not None, "fixed": fixed}
            click.echo(json.dumps(fields))
        else:
            _show(ailment, fixed=fixed)
    if not left and not as_json and not setting.quiet:
        click.echo("nothing else was found" if fix else "nothing was found")
    return EX_FAILURE if left else EX_OK


def _found(setting: Setting, subjects: Iterable[str]) -> Iterator[Ailment]:
    try:
        config = setting.config()
    except ConfigError as wrong:
        why = "nothing can be queued or delivered; MTAs keep their mail"
        for line in wrong.mistakes:
            place, _, text = line.partition(": ")
            yield Ailment(place, text or line, why, f"edit {place}, then gateway config check")
        return
    yield from examine(Patient(config, setting.registry(config), time.time()), subjects)


def _cured(setting: Setting, ailment: Ailment) -> bool:
    if ailment.cure is None:
        return False
    try:
        ailment.cure()
    except OSError as failure:
        setting.say(f"{ailment.subject}: not mended: {failure.strerror or failure}")
        return False
    return True


def _show(ailment: Ailment, *, fixed: bool) -> None:
    click.echo(f"{tint(ailment.subject, 'strong')}: {tint(ailment.what, 'bad')}")
    click.echo(f"    why:  {tint(ailment.why, 'quiet')}")
    click.echo(f"    {'done' if fixed else 'mend'}: {tint(ailment.mend, 'good')}")
