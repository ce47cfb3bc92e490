"""docs/doctor.md against the command."""

from __future__ import annotations

import re

import click

from gateway.cli.doctor import command
from gateway.doctor import CHECKS
from gateway.doctor.finding import Finding
from tests.docs.pages import ROOT, rows, sections

PAGE = ROOT / "docs" / "doctor.md"


def test_every_option_is_there() -> None:
    options = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    shown = re.findall(r"(?m)^\| `(--\w+)", PAGE.read_text())
    assert options == set(shown)


def test_the_subjects_in_the_order_they_are_looked_at() -> None:
    told = [cells[0].strip("`") for cells in rows(sections(PAGE)["What it looks at"])]
    assert list(CHECKS) == told


def test_the_keys_of_a_finding() -> None:
    [line] = [line for line in PAGE.read_text().splitlines() if line.startswith("| `--json`")]
    assert {*Finding._fields, "fixed"} == set(re.findall(r"`(\w+)`", line))
