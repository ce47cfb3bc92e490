"""What docs/nncp.md says of the real nncp-xfer, by way of comparison with ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.nodes import Node

pytestmark = pytest.mark.nncp


@pytest.fixture
def pair(tmp_path: Path, nncp_bin: Path) -> tuple[Node, Node]:
    alice, bob = (Node(tmp_path / name, name, nncp_bin) for name in ("alice", "bob"))
    alice.know(bob)
    bob.know(alice)
    (tmp_path / "stick").mkdir()
    assert 0 == alice.nncp("exec", "bob", "keep", stdin=b"body").status
    return alice, bob


def test_it_sends_what_is_damaged_in_the_spool(pair: tuple[Node, Node], tmp_path: Path) -> None:
    alice, _ = pair
    [packet] = alice.packets("tx")
    packet.write_bytes(packet.read_bytes() + b"x")
    assert 0 == alice.nncp("xfer", "-tx", "-mkdir", str(tmp_path / "stick")).status
    assert [] == alice.packets("tx")


def test_it_is_stopped_by_a_damaged_copy_on_the_medium(pair: tuple[Node, Node], tmp_path: Path) -> None:
    alice, bob = pair
    [packet] = alice.packets("tx")
    folder = tmp_path / "stick" / bob.keys.id / alice.keys.id
    folder.mkdir(parents=True)
    (folder / packet.name).write_bytes(b"damaged")
    alice.nncp("xfer", "-tx", str(tmp_path / "stick"))
    assert b"damaged" == (folder / packet.name).read_bytes()
    assert [packet] == alice.packets("tx")


def test_it_gives_up_without_a_spool(pair: tuple[Node, Node], tmp_path: Path) -> None:
    alice, bob = pair
    assert 0 == alice.nncp("xfer", "-tx", "-mkdir", str(tmp_path / "stick")).status
    bob.spool.rmdir()
    assert 0 != bob.nncp("xfer", "-rx", str(tmp_path / "stick")).status
