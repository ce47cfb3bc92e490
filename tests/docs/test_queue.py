"""docs/queue.md from top to bottom, and its tables against the code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gateway.cli.queue import command
from gateway.cli.queue_act import hold
from gateway.config.model import DEFAULT_TRASH_AGE
from gateway.engine.queue import State
from tests.docs.pages import ROOT, blocks, rows, sections
from tests.engine.parties import BATCH
from tests.real.nodes import Node
from tests.real.programs import Finished

PAGE = ROOT / "docs" / "queue.md"
SECTIONS = sections(PAGE)


@pytest.fixture
def hub(tmp_path: Path) -> Node:
    """A node whose neighbour is called hub, with a packet for it."""
    us, hub = Node(tmp_path / "us", "us"), Node(tmp_path / "hub", "hub")
    us.know(hub)
    return us


def submit(node: Node) -> str:
    assert 0 == node.run("gateway", "exec", "hub", "rsmtp", stdin=BATCH).status
    listed = node.run("gateway", "queue", "list", "--tx", "--state", "queued", "--json").stdout
    (name,) = re.findall(rb'"packet": "(\w+)"', listed)
    return str(name, "ascii")


def follow(node: Node, text: str, name: str) -> list[Finished]:
    """Run what a section shows; every command succeeds."""
    done = []
    for line in "".join(blocks(text, "sh")).splitlines():
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line.replace("NAME", name))]
        assert "gateway" == words[0]
        words = [str(node.directory / word) if word.endswith(".tar") else word for word in words[1:]]
        done.append(node.run("gateway", *words))
        assert 0 == done[-1].status, (line, done[-1])
    return done


@pytest.mark.parametrize(
    "heading", ["Where is my mail?", "Hold a neighbour's mail", "Throw something away", "Is the spool sound?"]
)
def test_the_commands_do_what_it_says(hub: Node, heading: str) -> None:
    name = submit(hub)
    done = follow(hub, SECTIONS[heading], name)
    if heading == "Hold a neighbour's mail":
        assert b"their disk is full until Monday" in done[1].stdout
        assert b"queued" in hub.run("gateway", "queue", "list").stdout
    if heading == "Throw something away":
        assert b"spam" in done[1].stdout
        assert b"held" in hub.run("gateway", "queue", "list").stdout


def test_moving_a_job(hub: Node) -> None:
    name = submit(hub)
    first, second = SECTIONS["Move a job to another machine"].split("There, with the same keys")
    follow(hub, first, name)
    hub.spool.rename(hub.directory / "old")
    hub.spool.mkdir()
    follow(hub, second, name)
    assert [f"{hub.neighbours['hub'].node.keys.id}/tx"] == [
        str(path.parent.relative_to(hub.spool)) for path in hub.spool.rglob(name) if path.parent.name != "hdr"
    ]


def test_making_it_go_asks_for_what_is_deferred(hub: Node) -> None:
    retry, toss = blocks(SECTIONS["Make it go now"], "sh")[0].splitlines()
    done = hub.run("gateway", *retry.replace("NAME", submit(hub)).split()[1:])
    assert (1, b"gateway: nothing to retry\n") == (done.status, done.stderr)
    assert 0 == hub.run("gateway", *toss.split()[1:]).status


def test_the_states_are_all_there() -> None:
    assert [state.value for state in State] == [
        row[0].strip("`") for row in rows(SECTIONS["Where is my mail?"])
    ]


def test_the_selectors_are_all_there() -> None:
    told = set(re.findall(r"`(--[a-z-]+)", "".join(row[0] for row in rows(SECTIONS["Which packets?"]))))
    options = [set(option.opts) for option in hold.params if isinstance(option, click.Option)]
    others = {"--json", "--dry-run", "--all", "--reason"}
    for names in options:
        assert names & (told | others), names
    assert told <= set().union(*options)


def test_the_findings_are_all_there() -> None:
    told = [row[0].strip("`") for row in rows(SECTIONS["Is the spool sound?"])]
    source = "".join((ROOT / "gateway" / "spool" / name).read_text() for name in ("check.py", "access.py"))
    assert set(told) == set(re.findall(r'Flaw\(\s*"([a-z-]+)"', source))


def test_every_command_is_there() -> None:
    text = PAGE.read_text()
    for name in command.commands:
        assert f"queue {name}" in text


def test_its_number_is_the_default() -> None:
    assert f"`trash-age` ({DEFAULT_TRASH_AGE / 86400:.0f} days" in PAGE.read_text()
