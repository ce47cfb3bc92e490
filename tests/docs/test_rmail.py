"""docs/rmail.md against what `gateway rmail setup` prints, and its uux line against the script."""

from __future__ import annotations

import re
import shlex

import pytest
from gateway_rmail.wrappers import uux_script

from gateway.cli import run_command
from tests.docs.pages import ROOT, marked
from tests.engine.parties import BATCH
from tests.real.cap import Recorder
from tests.real.nodes import Node
from tests.real.programs import gateway_script, run

TEXT = (ROOT / "docs" / "rmail.md").read_text()
_MARKED = re.compile(r"<!-- (run: setup|excerpt) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def runs() -> list[tuple[str, list[str]]]:
    """Return every command with the excerpts that follow it."""
    found: list[tuple[str, list[str]]] = []
    for mark, body in _MARKED.findall(TEXT):
        if mark == "excerpt":
            found[-1][1].append(body)
        else:
            found.append((body.strip(), []))
    return found


@pytest.mark.parametrize(("command", "excerpts"), runs())
def test_setup_prints_what_the_page_shows(
    command: str, excerpts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    assert ["gateway", "rmail", "setup"] == words[:3]
    assert 0 == run_command([*words[1:], "--command", "/usr/bin/gateway"], {})
    printed = capsys.readouterr().out.splitlines()
    assert excerpts
    for excerpt in excerpts:
        lines = iter(printed)
        missing = [line for line in excerpt.splitlines() if line not in lines]
        assert [] == missing, f"not printed, or not in this order, by {command}"


def test_the_page_has_both_mtas_and_both_directions() -> None:
    assert 3 == len(runs())


def test_the_uux_line_is_understood(recorder: Recorder) -> None:
    """Its words are an MTA's, not a shell's: blanks inside quotes do not separate them."""
    [line] = marked(TEXT, "uux")
    words = re.findall(r'\((?:"[^"]*"|[^)"])*\)|\S+', line)
    script = recorder.folder / "uux"
    script.write_text(uux_script(str(recorder.program)))
    done = run(["/bin/sh", str(script), *words[1:]], stdin=b"x\n")
    assert done.status == 0, done
    assert ("exec", "bob", "rmail", "x@b.example", '"q r"@b.example') == recorder.calls()[0].arguments


def test_the_steps_are_those_of_setup(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rmail", "setup", "--mta", "exim", "--node", "hub", "--from-uucp", "--command", "/x"]
    assert 0 == run_command(words, {})
    printed = capsys.readouterr().out.rpartition("# ===== next")[2]
    page = TEXT.partition("## From UUCP over ssh")[2]
    for word in (
        "gateway init",
        "gateway node add",
        "gateway rmail check",
        "gateway toss",
        "gateway xfer",
        "uustat -a",
    ):
        assert word in printed
        assert word in page


def test_packets_go_through_what_ssh_runs(two_nodes: tuple[Node, Node]) -> None:
    """The far side's key runs one command; here it stands in the place of ssh."""
    alice, bob = two_nodes
    table, line = marked(TEXT, "ssh")
    [command] = re.findall(r'command="gateway ([^"]+)"', line)
    [address] = re.findall(r'"\|(ssh .+)"', table)
    words = table.replace(address, f"{gateway_script()} --config {bob.toml} {command}")
    alice.neighbours["bob"].toml = words.partition("\n")[2]
    alice.write()
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    assert 0 == alice.gateway("call", "-onlinedeadline", "1", "bob").status
    assert b"arrived" in bob.gateway("queue", "list").stdout
