"""Hostile peers and bad links against the service: it lives on, says what happened, serves the others."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.links.mallory import DEEDS, Mallory
from tests.real.nodes import Node
from tests.service.conftest import Pair, inbox
from tests.service.link import Link
from tests.service.resident import serving, subjects, submit, until

ALWAYS_OPEN = 'calls = [{ cron = "* * * * * * *" }]'
SAID = {
    "garbage": "wrong magic",
    "nothing at all": "no handshake within 2 s",
    "half a magic": "no handshake within 2 s",
    "an envelope too large": "an envelope of 4294967295 bytes",
    "a handshake that does not open": "agrees on nothing secret",
    "a handshake too short": "a handshake message of 20 bytes",
    "a first payload with content": "mallory 127.0.0.1",
    "a first payload with a confirmation": "a Done before the handshake",
    "a first payload cut short": "a message is cut short",
    "a packet of size 0": "a packet of 0 bytes",
    "a packet of size 0 later": "a packet of 0 bytes",
    "content not announced": "was not requested",
    "empty content": "was not requested",
    "content announced and sent at once": "content and name disagree: discarded",
    "an unknown type": "the unknown type 42",
    "a message cut short": "a message is cut short",
    "a request of nothing": "received 0, sent 0",
    "wrong magic later": "wrong magic",
    "silence inside an envelope": "fell silent inside an envelope",
    "a message replayed": "does not open with the session's key",
    "gone at once": "received 0, sent 0",
    "a packet larger than any disk": "no room for them",
    "the largest size": "no room for them",
}


def call(pair: Pair, port: int, *lines: str) -> None:
    """Let alice call bob over a port."""
    toml = [f'{inbox(pair.alice)}addrs.lan = "127.0.0.1:{port}"', *lines]
    pair.alice.know(pair.bob, toml="\n".join(toml))
    pair.bob.know(pair.alice, toml="\n".join([inbox(pair.bob), *lines[1:]]))


def crosses(pair: Pair, subject: str) -> None:
    submit(pair.alice, pair.bob, subject)
    until(lambda: subject in subjects(pair.at_bob), subject)


def test_whatever_a_neighbour_does_the_others_are_served_meanwhile(pair: Pair, tmp_path: Path) -> None:
    mallory = Node(tmp_path / "mallory", "mallory")
    mallory.know(pair.bob)
    pair.bob.know(mallory, toml="onlinedeadline = 2")
    call(pair, pair.port, ALWAYS_OPEN, "onlinedeadline = 60")
    with serving(pair.bob, {"NNCPDEADLINE": "2"}) as bob, serving(pair.alice):
        for name, deed in DEEDS.items():
            before = len(bob.said())
            evil = Mallory(("127.0.0.1", pair.port), mallory, pair.bob)
            with closing(evil.end):
                deed(evil)
                crosses(pair, name)
                evil.until_closed()
            until(lambda name=name, before=before: SAID[name] in bob.said()[before:], name)  # type: ignore[misc]
        assert "Traceback" not in bob.said()
        assert 0 == bob.end()
    assert len(DEEDS) == len(subjects(pair.at_bob))
    assert [] == list((pair.bob.spool / mallory.keys.id).glob("rx/*.part"))


@pytest.mark.parametrize("connections", [100, 300])
def test_connections_that_say_nothing(pair: Pair, connections: int) -> None:
    with serving(pair.bob, {"NNCPDEADLINE": "3"}) as bob, ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(socket.create_connection(("127.0.0.1", pair.port), timeout=30))
        with serving(pair.alice):
            crosses(pair, "past them all")
            crosses(pair, "and again")
        assert 0 == bob.end()


def test_a_slow_link_that_breaks_again_and_again(pair: Pair) -> None:
    """2 kB/s, 5 s late and cut every two minutes, ten times as fast."""
    with Link(pair.port, rate=20_000, delay=0.5, lasts=12) as link:
        calls = 'calls = [{ cron = "* * * * * * *", when-tx-exists = true }]'
        call(pair, link.port, calls, "onlinedeadline = 4")
        with serving(pair.bob), serving(pair.alice):
            submit(pair.alice, pair.bob, "at last", 150_000)
            until(lambda: ["at last"] == subjects(pair.at_bob))
            until(lambda: not pair.alice.packets("tx"))
    assert link.cut >= 1
