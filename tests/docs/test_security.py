"""docs/security.md: what it says can be seen of a packet can be seen, and the rest cannot."""

from __future__ import annotations

import re
import shlex
from base64 import b32decode

from gateway.config.model import Limits, Serve
from tests.docs.pages import ROOT, marked
from tests.real.nodes import Node

TEXT = (ROOT / "docs" / "security.md").read_text()
LETTER = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\n%s\n.\n"


def packets(node: Node) -> list[bytes]:
    return [
        path.read_bytes() for path in node.spool.rglob("tx/*") if re.fullmatch(r"[A-Z2-7]{52}", path.name)
    ]


def key(text: str) -> bytes:
    return b32decode(text + "=" * (-len(text) % 8))


def test_what_a_finder_sees(two_nodes: tuple[Node, Node]) -> None:
    alice, bob = two_nodes
    assert 0 == alice.gateway("exec", "--no-compress", "bob", "rsmtp", stdin=LETTER % b"hidden").status
    [packet] = packets(alice)
    assert [True, True] == [key(node.keys.id) in packet for node in two_nodes]
    assert [] == [word for word in (b"rsmtp", b"joe@", b"x@b", b"hidden", b"Subject") if word in packet]
    assert bob.keys.id != alice.keys.id


def test_a_relay_does_not_see_the_last_recipient(three_nodes: tuple[Node, Node, Node]) -> None:
    alice, relay, bob = three_nodes
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=LETTER % b"hidden").status
    [packet] = packets(alice)
    assert key(relay.keys.id) in packet
    assert key(bob.keys.id) not in packet


def test_short_messages_look_alike_with_padding(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    [line] = marked(TEXT, "run")
    words = shlex.split(line.partition("<")[0])
    for body in (b"short", bytes(range(33, 126)) * 50):
        assert 0 == alice.gateway(*words[1:], stdin=LETTER % body).status
    assert [64 * 1024] * 2 == [len(packet) for packet in packets(alice)]


def test_numbers() -> None:
    assert f"`seen-age`, {Serve().seen_age / 86400:.0f} days" in TEXT
    assert Limits() == Limits(None, None, None)
