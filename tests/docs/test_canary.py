"""docs/canary.md: its commands are run, its steps, keys and words are the code's."""

from __future__ import annotations

import json
import shlex

from gateway.engine.canary import Where
from gateway.engine.flight import STEPS
from tests.docs.pages import ROOT, blocks, marked, rows, sections
from tests.real.nodes import Node

PAGE = ROOT / "docs" / "canary.md"
TEXT = PAGE.read_text()
SECTIONS = sections(PAGE)


def test_the_commands_do_what_it_says(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    lines = [line for block in marked(TEXT, "run") for line in block.splitlines()]
    lines += [line.partition("*  ")[2] for line in TEXT.splitlines() if line.startswith("0 * * * *")][1:]
    assert len(lines) == 4
    for line in lines:
        program, *words = shlex.split(line)
        done = alice.gateway(*words)
        assert ("gateway", 0) == (program, done.status), done


def test_the_keys_are_those_of_the_object(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    table = {cells[0]: cells[1] for cells in rows(SECTIONS["From cron"])}
    told = {word.strip("`") for words in table for word in words.split(", ")}
    found = json.loads(alice.gateway("canary", "--no-wait", "--json", "bob").stdout)
    assert set(found) == told
    assert all(f"`{where.value}`" in table["`where`"] for where in Where)


def test_the_steps_are_the_codes() -> None:
    steps = [cells[0].strip("`") for cells in rows(SECTIONS["What it says"])][2:]
    assert list(STEPS) == steps
    shown = [line.split()[0] for line in blocks(TEXT, "text")[0].splitlines()]
    assert ["STEP", *STEPS] == shown
