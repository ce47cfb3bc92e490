"""``gateway submit rmail`` without a node: the routing table, and the first hop of a bang path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import Node, carry, toss

DATA = b"From joe D remote from old\nSubject: x\n\nhi\n"
TWELVE = [f"a.rather.long.name.{i}@b.example" for i in range(12)]


@pytest.fixture
def nodes(tmp_path: Path, recorder: Recorder) -> tuple[Node, Node]:
    """alice, and bob with a recorder behind the egress rmail."""
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.tail = '[routes]\n"bob" = "bob"\n"b.example" = "bob"'
    alice.know(bob, toml='mail = { form = "rmail" }')
    bob.know(alice, toml=f'exec.rmail = {{ egress = "rmail", command = ["{recorder.program}"] }}')
    return alice, bob


def arrived(nodes: tuple[Node, Node], recorder: Recorder, tmp_path: Path) -> list[tuple[str, ...]]:
    alice, bob = nodes
    carry(alice, bob, tmp_path / "medium", tx="gateway", rx="gateway")
    done = toss(bob, "gateway")
    assert done.status == 0, done
    assert {b"Subject: x\n\nhi\n"} == {call.body for call in recorder.calls()}
    return [call.arguments[3:] for call in recorder.calls()]


@pytest.mark.parametrize(
    ("word", "recipient"),
    [("x@b.example", "x@b.example"), ("bob!x", "x@bob"), ("bob!far!x", "x@far"), ("(x%bob)", "x@bob")],
)
def test_it_goes_where_the_table_says(
    nodes: tuple[Node, Node], recorder: Recorder, tmp_path: Path, word: str, recipient: str
) -> None:
    done = nodes[0].gateway("submit", "rmail", "--", word, stdin=DATA)
    assert done.status == 0, done
    assert [("-f", "joe@old", "--", recipient)] == arrived(nodes, recorder, tmp_path)


@pytest.mark.parametrize(
    ("word", "host"), [("far!x", "far"), ("far!bob!x", "far"), ("far!x@c.example", "c.")]
)
def test_a_first_hop_that_nobody_knows_is_named(nodes: tuple[Node, Node], word: str, host: str) -> None:
    done = nodes[0].gateway("submit", "rmail", "--", "bob!x", word, stdin=DATA)
    assert 75 == done.status
    (line,) = done.messages
    assert line.startswith("4.4.4 ")
    assert f"@{host}" in line
    assert [] == nodes[0].packets("tx") + nodes[0].temporary()


def test_many_recipients_are_several_packets(
    nodes: tuple[Node, Node], recorder: Recorder, tmp_path: Path
) -> None:
    assert 0 == nodes[0].gateway("exec", "bob", "rmail", *TWELVE, stdin=DATA).status
    assert 1 < len(nodes[0].packets("tx"))
    found = arrived(nodes, recorder, tmp_path)
    assert sorted(TWELVE) == sorted(word for words in found for word in words[3:])
    assert {("-f", "joe@old", "--")} == {words[:3] for words in found}


def test_words_behind_the_dashes_are_never_flags(nodes: tuple[Node, Node]) -> None:
    for words in (["--node", "bob"], ["--config=/tmp/x"], ["-oQ/tmp"]):
        done = nodes[0].gateway("submit", "rmail", "--", *words, "x@b.example", stdin=DATA)
        assert 65 == done.status, done
        assert done.messages[0].startswith("5.")
    assert [] == nodes[0].packets("tx")


@pytest.mark.parametrize(
    ("data", "words", "status", "text"),
    [
        (b"Subject: x\n\nhi\n", ["x@b.example"], 65, "From_ line"),
        (b"", ["x@b.example"], 75, "empty"),
        (DATA, [], 75, "no recipients"),
        (DATA, ["|cmd"], 65, "|cmd"),
        (DATA, ["x@b.example\ny@b.example"], 65, "control"),
    ],
)
def test_what_is_said_of_a_mistake(
    nodes: tuple[Node, Node], data: bytes, words: list[str], status: int, text: str
) -> None:
    for command in (["exec", "bob", "rmail"], ["submit", "rmail", "--node", "bob", "--"]):
        done = nodes[0].gateway(*command, *words, stdin=data)
        assert status == done.status, done
        assert text in done.messages[0]


def test_a_path_keeps_its_way_to_the_far_side(
    nodes: tuple[Node, Node], recorder: Recorder, tmp_path: Path
) -> None:
    """And is handed on in it, where the handle says so."""
    alice, bob = nodes
    egress = f'{{ egress = "rmail", command = ["{recorder.program}"], addresses = "bang" }}'
    bob.know(alice, toml=f"exec.rmail = {egress}")
    assert 0 == alice.gateway("exec", "bob", "rmail", "c!d!x", "y@b.example", stdin=DATA).status
    assert [("-f", "alice!old!joe", "--", "c!d!x", "b.example!y")] == arrived(nodes, recorder, tmp_path)
