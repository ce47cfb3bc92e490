"""Directory exchange with the real nncp-xfer at the other end of the stick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.links.xfer import Exchanged, exchange
from gateway.packet.identity import decode
from gateway.spool.spool import Spool
from tests.real.nodes import Node

pytestmark = pytest.mark.nncp

BODIES = [b"", b"short\n", bytes(range(256)) * 2048]


@pytest.fixture
def pair(tmp_path: Path, nncp_bin: Path) -> tuple[Node, Node]:
    alice, bob = (Node(tmp_path / name, name, nncp_bin) for name in ("alice", "bob"))
    inbox = tmp_path / "delivered"
    alice.know(bob)
    bob.know(alice, handles={"keep": ["/bin/sh", "-c", f"cat >> {inbox}; echo >> {inbox}.count"]})
    return alice, bob


def write(alice: Node) -> None:
    for body in BODIES:
        done = alice.nncp("exec", "bob", "keep", stdin=body)
        assert 0 == done.status, done


def ours(node: Node, other: Node, medium: Path, **options: bool) -> Exchanged:
    return exchange(
        Spool(str(node.spool)),
        str(medium),
        decode(node.keys.id),
        {other.name: decode(other.keys.id)},
        **options,
    )


def theirs(node: Node, medium: Path, *flags: str) -> None:
    done = node.nncp("xfer", *flags, str(medium))
    assert 0 == done.status, done


def by_us(node: Node, other: Node, medium: Path) -> None:
    assert () == ours(node, other, medium, mkdir=True).failures


def by_them(node: Node, other: Node, medium: Path) -> None:
    theirs(node, medium, "-mkdir")


@pytest.mark.parametrize(("out", "into"), [(by_us, by_them), (by_them, by_us)], ids=["to nncp", "from nncp"])
def test_packets_arrive_whole(
    pair: tuple[Node, Node],
    tmp_path: Path,
    out: Callable[[Node, Node, Path], None],
    into: Callable[[Node, Node, Path], None],
) -> None:
    alice, bob = pair
    stick = tmp_path / "stick"
    stick.mkdir()
    write(alice)
    queued = {path.name for path in alice.packets("tx", bob)}
    out(alice, bob, stick)
    assert [] == alice.packets("tx", bob)
    assert queued == {path.name for path in stick.rglob("*") if path.is_file()}
    into(bob, alice, stick)
    assert [] == [path for path in stick.rglob("*") if path.is_file()]
    assert queued == {path.name for path in bob.packets("rx", alice)}
    done = bob.nncp("toss")
    assert 0 == done.status, done
    assert len(BODIES) == len((tmp_path / "delivered.count").read_bytes())
    assert sum(map(len, BODIES)) == (tmp_path / "delivered").stat().st_size


def test_what_nncp_marked_as_seen_is_not_received(pair: tuple[Node, Node], tmp_path: Path) -> None:
    alice, bob = pair
    stick = tmp_path / "stick"
    stick.mkdir()
    write(alice)
    theirs(alice, stick, "-mkdir", "-keep")
    theirs(bob, stick, "-rx", "-keep")
    assert 0 == bob.nncp("toss", "-seen").status
    done = ours(bob, alice, stick)
    assert (0, len(BODIES)) == (done.received, done.known)
    assert [] == [path for path in stick.rglob("*") if path.is_file()]


def test_what_nncp_copied_with_keep_is_dropped_by_our_next_run(
    pair: tuple[Node, Node], tmp_path: Path
) -> None:
    """nncp-xfer itself would leave these packets in the spool for ever."""
    alice, bob = pair
    stick = tmp_path / "stick"
    stick.mkdir()
    write(alice)
    theirs(alice, stick, "-mkdir", "-keep")
    done = ours(alice, bob, stick)
    assert (0, len(BODIES)) == (done.sent, done.present)
    assert [] == alice.packets("tx", bob)
