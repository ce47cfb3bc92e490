"""docs/terminal.md: its commands are run."""

from __future__ import annotations

import shlex

from click.shell_completion import get_completion_class

from tests.docs.pages import ROOT, marked, rows, sections
from tests.real.nodes import Node

PAGE = ROOT / "docs" / "terminal.md"


def test_its_commands_do_what_it_says(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    lines = [line for block in marked(PAGE.read_text(), "run") for line in block.splitlines()]
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        done = alice.gateway(*words)
        assert ("gateway", 0, b"") == (program, done.status, done.stderr), done


def test_the_shells_are_those_there_is_something_for() -> None:
    shells = [cells[0] for cells in rows(sections(PAGE)["Completion"])]
    assert ["bash", "zsh", "fish"] == shells
    assert all(get_completion_class(name) for name in shells)
