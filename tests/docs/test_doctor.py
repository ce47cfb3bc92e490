"""docs/doctor.md against the command."""

from __future__ import annotations

import re

import click

from gateway.cli.doctor import command
from gateway.doctor import CHECKS
from gateway.doctor.ailment import Ailment
from tests.docs.pages import ROOT, marked, rows, sections
from tests.real.nodes import Node

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
    assert {*Ailment._fields, "fixed"} == set(re.findall(r"`(\w+)`", line))


def test_the_command_finds_a_program_that_is_not_there(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    alice.neighbours["bob"].toml = 'exec.rsmtp = ["/nowhere/sendmail"]'
    alice.neighbours["bob"].handles = {}
    alice.write()
    [line] = marked(PAGE.read_text(), "run")
    done = alice.gateway(*line.split()[1:])
    assert 1 == done.status, done
    assert b"neigh.bob.exec.rsmtp: /nowhere/sendmail: there is no such program\n" in done.stdout
