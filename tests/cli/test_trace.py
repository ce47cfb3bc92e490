"""``gateway trace`` on nodes that are processes: mail crosses a relay, and a receipt comes back."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import Node, carry, toss
from tests.real.programs import ENVIRONMENT, gateway_script

BATCH = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n"
    b"Received: by a.example (Postfix) id 4Zx1Y23abczQ; Sun, 1 Jun 2025 12:00:00 +0000\n"
    b"Message-ID: <1@a.example>\nSubject: hi\n\nbody\n.\n"
)
MESSAGE_ID = "1uMxyz-000000001Ab-2cde"


def events(node: Node, text: str) -> list[dict[str, Any]]:
    done = node.gateway("trace", "--json", text)
    assert (0, b"") == (done.status, done.stderr), done
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def crossed(
    three_nodes: tuple[Node, Node, Node], tmp_path: Path, recorder: Recorder
) -> tuple[Node, Node, Node]:
    alice, relay, bob = three_nodes
    bob.know(alice, via=[relay], handles={"rsmtp": [str(recorder.program), "-bS"]}, toml="ack = true")
    done = alice.gateway(
        "submit", "exim", "--node", "bob", stdin=BATCH, environ=ENVIRONMENT | {"MESSAGE_ID": MESSAGE_ID}
    )
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done
    stick = tmp_path / "stick"
    for one, other in ((alice, relay), (relay, bob), (bob, relay), (relay, alice)):
        carry(one, other, stick, tx="gateway", rx="gateway")
        assert 0 == toss(other, "gateway").status
    assert 1 == len(recorder.calls())
    return alice, relay, bob


@pytest.mark.parametrize(
    "word",
    ["<1@a.example>", "1@A.EXAMPLE", "4Zx1Y23abczQ", MESSAGE_ID, "joe@a.example", "x@b.example", "b.example"],
)
def test_the_sender_sees_the_whole_way(crossed: tuple[Node, Node, Node], word: str) -> None:
    found = events(crossed[0], word)
    assert ["acknowledged", "received", "sent", "submitted"] == [event["event"] for event in found]
    acknowledged, _, sent, submitted = found
    assert ("bob", "delivered") == (acknowledged["node"], acknowledged["detail"]["state"])
    assert submitted["detail"]["layers"][-1] == acknowledged["detail"]["of"]
    assert submitted["packet"] == sent["packet"]
    assert MESSAGE_ID == submitted["detail"]["message_id"]
    assert submitted["detail"]["process"]["program"]


def test_a_packet_is_followed_by_any_of_its_names_at_every_node(crossed: tuple[Node, Node, Node]) -> None:
    alice, relay, bob = crossed
    outer, inner = events(alice, "1@a.example")[-1]["detail"]["layers"]
    assert events(alice, outer[:12]) == events(alice, inner.lower()) == events(alice, "1@a.example")
    assert ["sent", "relayed", "received"] == [event["event"] for event in events(relay, outer)]
    assert ["sent", "submitted", "delivered", "received"] == [event["event"] for event in events(bob, inner)]
    [delivered] = [event for event in events(bob, inner) if event["event"] == "delivered"]
    assert ["<1@a.example>"] == [message["id"] for message in delivered["detail"]["messages"]]


def test_lines_for_people(crossed: tuple[Node, Node, Node]) -> None:
    done = crossed[0].gateway("trace", "1@a.example")
    heading, *lines = done.stdout.decode().splitlines()
    assert ["WHEN", "EVENT", "NODE", "PACKET"] == heading.split()
    assert ["acknowledged", "received", "sent", "submitted"] == [line.split()[2] for line in lines]
    assert "delivered" in lines[0]
    for words in (
        "<joe@a.example> to x@b.example <1@a.example>",
        "queue id 4Zx1Y23abczQ",
        f"as {MESSAGE_ID}",
    ):
        assert words in lines[-1]


def test_older_events_than_asked_for_are_counted(crossed: tuple[Node, Node, Node]) -> None:
    done = crossed[0].gateway("trace", "--limit", "1", "1@a.example")
    assert 2 == len(done.stdout.splitlines())
    assert ["gateway: 3 older events are not shown: --limit 0 shows all"] == done.messages


@pytest.mark.parametrize(("word", "status"), [("nothing@like.it", 1), ("", 2), ("  ", 2)])
def test_what_nothing_is_known_of(two_nodes: tuple[Node, Node], word: str, status: int) -> None:
    done = two_nodes[0].gateway("trace", word)
    assert (status, b"", 1) == (done.status, done.stdout, len(done.messages)), done


def followed(alice: Node, output: Path, *words: str, batch: bytes = BATCH) -> str:
    """Return what ``gateway trace --follow`` says of a batch that is submitted meanwhile."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [gateway_script(), "--config", str(alice.toml), "trace", "--follow", *words],
            stdout=file, stderr=file, env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            assert 0 == alice.gateway("submit", "exim", "--node", "bob", stdin=batch).status
            until = time.monotonic() + 60
            while not output.read_bytes().endswith(b"\n"):
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()
    return output.read_text()


def test_following_shows_what_comes(two_nodes: tuple[Node, Node], tmp_path: Path) -> None:
    said = followed(two_nodes[0], tmp_path / "output", "--json", "1@a.example")
    assert "submitted" == json.loads(said)["event"]


def test_a_peer_cannot_steer_the_terminal(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    batch = BATCH.replace(b"<1@a.example>", b"<1@a.example>\x1b[2J\xc2\x9b")
    assert 0 == alice.gateway("submit", "exim", "--node", "bob", stdin=batch).status
    done = alice.gateway("trace", "x@b.example")
    assert b"submitted" in done.stdout
    assert done.stdout.decode().replace("\n", "").isprintable()


def test_nor_while_it_is_followed(two_nodes: tuple[Node, Node], tmp_path: Path) -> None:
    batch = BATCH.replace(b"<1@a.example>", b"<1@a.example>\x1b[2J\xc2\x9b")
    said = followed(two_nodes[0], tmp_path / "output", "x@b.example", batch=batch)
    assert "submitted" in said
    assert said.replace("\n", "").isprintable()


def test_a_journal_that_cannot_be_written_stops_no_mail(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    (alice.spool / "journal").write_text("in the way")
    done = alice.gateway("submit", "exim", "--node", "bob", stdin=BATCH)
    assert (0, 1) == (done.status, len(done.messages)), done
    assert "journal" in done.messages[0]
    assert 1 == len(alice.packets("tx"))
