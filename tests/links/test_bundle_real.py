"""Bundles of either make, read by the other."""

from __future__ import annotations

import pytest

from tests.real.nodes import MAKES, Make, Node

FLAGS = {"gateway": ("--rx", "--tx", "--delete"), "nncp": ("-rx", "-tx", "-delete")}


@pytest.mark.nncp
@pytest.mark.parametrize("writer", MAKES)
@pytest.mark.parametrize("reader", MAKES)
def test_a_bundle_crosses(real_pair: tuple[Node, Node], writer: Make, reader: Make) -> None:
    alice, bob = real_pair
    for number in range(5):
        assert 0 == alice.gateway("exec", "bob", "cap", stdin=b"x" * 70_000 * number).status
    names = [path.name for path in alice.packets("tx", bob)]
    made = alice.run(writer, "bundle", FLAGS[writer][1], "bob")
    assert 0 == made.status, made
    taken = bob.run(reader, "bundle", FLAGS[reader][0], stdin=made.stdout)
    assert 0 == taken.status, taken
    assert names == [path.name for path in bob.packets("rx", alice)]
    proved = alice.run(reader, "bundle", FLAGS[reader][0], FLAGS[reader][2], stdin=made.stdout)
    assert 0 == proved.status, proved
    assert [] == alice.packets("tx", bob)


def test_wrong_words_are_usage(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    for words in ((), ("--rx", "--tx", "bob"), ("--tx",)):
        done = alice.gateway("bundle", *words)
        assert 2 == done.status, done
        assert [] == alice.packets("tx")
