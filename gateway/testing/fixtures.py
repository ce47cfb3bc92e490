"""Fixtures for the tests of a plugin: nodes, an MTA to record what it is given, the command itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.testing import nodes
from gateway.testing.fake_mta import FakeMta, make_fake_mta
from gateway.testing.nodes import Finished, Node

__all__ = ["fake_mta", "run_gateway", "three_nodes", "two_nodes"]


@pytest.fixture
def run_gateway() -> Callable[..., Finished]:
    """Give the command: ``run_gateway("plugin", "list")``; ``stdin=`` and ``environ=`` as needed."""
    return nodes.run_gateway


@pytest.fixture
def fake_mta(tmp_path: Path) -> FakeMta:
    """Give a program that records what it is given, in place of the MTA's."""
    return make_fake_mta(tmp_path / "mta")


@pytest.fixture
def two_nodes(tmp_path: Path) -> tuple[Node, Node]:
    """Make alice and bob, direct neighbours."""
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.know(bob)
    bob.know(alice)
    return alice, bob


@pytest.fixture
def three_nodes(tmp_path: Path) -> tuple[Node, Node, Node]:
    """Make alice, relay and bob: alice and bob reach each other through relay."""
    alice, relay, bob = (Node(tmp_path / name, name) for name in ("alice", "relay", "bob"))
    for one, other in ((alice, bob), (bob, alice)):
        one.know(relay)
        relay.know(one)
        one.know(other, via=["relay"])
    return alice, relay, bob
