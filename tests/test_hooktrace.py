"""`GATEWAY_TRACE=hooks`: each call of a hook is told, and no MTA is told anything by it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.hooktrace import short
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mta import Event, EventKind
from gateway.testing import Node
from gateway.testing.fixtures import two_nodes

__all__ = ["two_nodes"]

ENVELOPE = Envelope(ReversePath("a@a.example"), [Recipient("b@b.example")])
BATCH = b"MAIL FROM:<a@a.example>\nRCPT TO:<b@b.example>\nDATA\nSubject: x\n\ny\n.\n"
LINE = re.compile(r"hook (\w+): (gateway_\w+)\((.*)\) (?:-> (.+)|raised (.+)) \[\d+\.\d ms\]")
TRACE = {"GATEWAY_TRACE": "hooks"}


def traced(node: Node, stderr: Path, *words: str, stdin: bytes = BATCH) -> list[tuple[str, ...]]:
    """Run a command with its stderr in a file; return what the trace says of each call."""
    command = [sys.executable, "-P", "-m", "gateway", "--config", str(node.config), *words]
    with stderr.open("wb") as file:
        done = subprocess.run(
            command, input=stdin, stdout=subprocess.PIPE, stderr=file, env=os.environ | TRACE, check=False
        )
    assert (0, b"") == (done.returncode, done.stdout), stderr.read_text()
    return [LINE.fullmatch(line).groups("") for line in stderr.read_text().splitlines()]  # type: ignore[union-attr]


def test_each_call_is_told_with_plugin_arguments_and_answer(
    two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    alice, _ = two_nodes
    found = traced(alice, tmp_path / "trace", "submit", "exim", "--node", "bob")
    assert ("exim", "gateway_register_ingress", "config=Config", "EximIngress exim", "") in found
    told = [call for call in found if call[1] == "gateway_event"]
    assert told
    assert "event=Event SUBMITTED " in told[0][2]


def test_what_a_hook_raises_is_told(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    alice.extra = '[plugin.exim]\nsession = "x"\n'
    alice.write()
    told = alice.run("plugin", "list", environ=TRACE).stderr.splitlines()
    raised = [call[5] for call in map(LINE.fullmatch, told) if call and call[5]]
    assert raised
    assert all(words.startswith("ConfigError: plugin.exim: session: expected a whole") for words in raised)


@pytest.mark.parametrize("environ", [TRACE, {"GATEWAY_TRACE": "other"}, {}])
def test_an_mta_that_reads_our_stderr_sees_none_of_it(
    two_nodes: tuple[Node, Node], environ: dict[str, str]
) -> None:
    alice, _ = two_nodes
    done = alice.run("submit", "exim", "--node", "bob", stdin=BATCH, environ=environ)
    assert (0, "", "") == (done.status, done.stdout, done.stderr)
    done = alice.run("submit", "exim", "--node", "nobody", stdin=BATCH, environ=environ)
    assert (75, 1) == (done.status, done.stderr.count("\n"))


def test_operator_commands_tell_it_into_a_pipe_too(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    done = alice.run("plugin", "list", "--json", environ=TRACE)
    assert "hook exim: gateway_register_egress(config=Config) -> EximEgress exim [" in done.stderr
    assert "hook" not in done.stdout.split('"', maxsplit=1)[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        ("bob", "'bob'"),
        (ENVELOPE, "<a@a.example> to b@b.example"),
        (Event(EventKind.HELD, "P", "b"), "Event HELD P"),
        ([], "[]"),
        ("x" * 100, "'" + "x" * 59 + "…"),
    ],
)
def test_values_in_short(value: object, expected: str) -> None:
    assert expected == short(value)
