"""Who answers at an address, with the gateway and the real nncp-daemon at it."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.links.test_online_real import QUICK, daemon, free_port
from tests.real.nodes import MAKES, Make, Node
from tests.real.postfix import Postfix
from tests.real.programs import Finished, run_gateway

pytestmark = pytest.mark.nncp


@pytest.fixture
def nodes(tmp_path: Path, nncp_bin: Path) -> tuple[Node, Node, Node]:
    alice, bob, eve = (Node(tmp_path / name, name, nncp_bin) for name in ("alice", "bob", "eve"))
    alice.know(bob, toml=QUICK)
    bob.know(alice, toml=QUICK)
    return alice, bob, eve


def probe(node: Node, *words: str, environ: dict[str, str] | None = None) -> Finished:
    return run_gateway("--config", str(node.toml), "node", "probe", *words, environ=environ)


@pytest.mark.parametrize("make", MAKES)
def test_a_neighbour_that_knows_us(make: Make, nodes: tuple[Node, Node, Node]) -> None:
    alice, bob, _ = nodes
    assert 0 == bob.gateway("exec", "alice", "x", stdin=b"waiting").status
    with daemon(bob, make) as address:
        done = probe(alice, f"bob:{address}")
        assert f"bob: {address}: is bob and knows us; 1 packet for us\n" == done.stdout.decode()
        assert 0 == done.status
        assert 1 == len(bob.packets("tx", alice))

        def found() -> object:
            [line] = probe(alice, "--json", f"bob:{address}").stdout.splitlines()
            return json.loads(line)

        # NNCP's daemon refuses another session until it has noticed the end of the one before.
        expected = {"node": "bob", "address": address, "wrong": None, "waiting": 1}
        assert Postfix.wait(lambda: expected == found())


@pytest.mark.parametrize("make", MAKES)
def test_a_neighbour_that_does_not_know_us(make: Make, nodes: tuple[Node, Node, Node]) -> None:
    _, bob, eve = nodes
    eve.know(bob, toml=QUICK)
    with daemon(bob, make) as address:
        done = probe(eve, f"bob:{address}")
    assert 1 == done.status
    assert b"does not know our keys (send it what `gateway node self` prints)" in done.stderr


@pytest.mark.parametrize("make", MAKES)
def test_somebody_else_at_the_address(make: Make, nodes: tuple[Node, Node, Node]) -> None:
    alice, _, eve = nodes
    eve.know(alice, toml=QUICK)
    with daemon(eve, make) as address:
        done = probe(alice, f"bob:{address}")
    assert 1 == done.status
    assert b"are not bob's (compare the words)" in done.stderr


def test_nobody_at_the_address(nodes: tuple[Node, Node, Node]) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = probe(nodes[0], f"bob:{address}")
    assert 1 == done.status
    assert f"bob: {address}: ".encode() in done.stderr
    assert b"refused" in done.stderr


def test_a_listener_that_says_nothing(nodes: tuple[Node, Node, Node]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        port = mute.getsockname()[1]
        done = probe(nodes[0], f"bob:127.0.0.1:{port}", environ={"NNCPDEADLINE": "1"})
    assert 1 == done.status
    assert b"no handshake within 1 s" in done.stderr
