"""Packets of either make, opened by the other: every size that matters, direct and over relays.

Everything travels by directory exchange and ends in a recorder that stands in for sendmail,
so what is compared is what an MTA would have been given.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import MAKES, Make, Node, carry, toss

pytestmark = pytest.mark.nncp

BLOCK = 131072
PLAIN_HEADER = 276
LENGTHS = (*range(BLOCK - 17, BLOCK + 2), 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1)
"""[bytes] of plain packets, header included: SIZE needs 16 of the last block."""
COMPRESSED = (0, 1, 255, 256, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK)
PAIRS = [pair for pair in itertools.product(MAKES, repeat=2) if pair != ("nncp", "nncp")]


def noise(size: int) -> bytes:
    """Return bytes that do not compress, the same for every run."""
    return random.Random(size).randbytes(size)


def exec_all(node: Node, make: Make, bodies: list[bytes], *flags: str, first: int = 0) -> None:
    """Queue a job for bob per body, numbered by its argument from `first`."""
    for number, body in enumerate(bodies, first):
        done = node.run(make, "exec", "-quiet", *flags, "bob", "cap", str(number), stdin=body)
        assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done
    assert [] == node.temporary()


def received(recorder: Recorder) -> list[bytes]:
    """Return the bodies in the order of their numbers; each number must be there once."""
    calls = {int(call.arguments[-1]): call.body for call in recorder.calls()}
    assert len(calls) == len(recorder.calls())
    return [calls[number] for number in range(len(calls))]


def same(expected: list[bytes], actual: list[bytes]) -> bool:
    """Compare without pytest printing megabytes."""
    return expected == actual


def arguments_reach_the_program(*nodes: Node) -> None:
    """Let the arguments of peers through in our dialect too, as NNCP does."""
    for node in nodes:
        for neighbour in node.neighbours.values():
            if "cap" in neighbour.handles:
                command = list(neighbour.handles["cap"])
                neighbour.handles = {k: v for k, v in neighbour.handles.items() if k != "cap"}
                neighbour.hjson_handles = {"cap": command}
                quoted = ", ".join(f'"{word}"' for word in command)
                neighbour.toml = f'exec.cap = {{ command = [{quoted}], arguments = "any" }}'
        node.write()


@pytest.fixture
def pair(real_pair: tuple[Node, Node]) -> tuple[Node, Node]:
    arguments_reach_the_program(*real_pair)
    return real_pair


@pytest.mark.parametrize(("sender", "receiver"), PAIRS)
@pytest.mark.parametrize(
    "flags", [(), ("-nocompress",), ("-minsize", "129"), ("-nocompress", "-minsize", "300")]
)
def test_every_size_arrives(
    pair: tuple[Node, Node],
    tmp_path: Path,
    recorder: Recorder,
    sender: Make,
    receiver: Make,
    flags: tuple[str, ...],
) -> None:
    alice, bob = pair
    sizes = [length - PLAIN_HEADER for length in LENGTHS] if "-nocompress" in flags else []
    bodies = [noise(size) for size in (*COMPRESSED, *sizes)]
    exec_all(alice, sender, bodies, *flags)
    if "-minsize" in flags:
        smallest = min(path.stat().st_size for path in alice.packets("tx", bob))
        assert int(flags[-1]) * 1024 == smallest
    carry(alice, bob, tmp_path / "stick", tx=sender, rx=receiver)
    assert [] == alice.packets("tx")
    assert len(bodies) == len(bob.packets("rx", alice))
    done = toss(bob, receiver)
    assert done.status == 0, f"{done}\n{bob.records()[-2000:]}"
    assert same(bodies, received(recorder))
    assert [] == bob.packets("rx")
    assert [] == bob.temporary()


@pytest.mark.parametrize("sender", MAKES)
def test_compressed_lengths_around_a_block(
    pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, sender: Make
) -> None:
    """The compressed length cannot be chosen, so a run of sizes makes it cross the boundary."""
    alice, bob = pair
    receiver: Make = "nncp" if sender == "gateway" else "gateway"
    bodies = [noise(BLOCK - PLAIN_HEADER - less) for less in range(-2, 34)]
    exec_all(alice, sender, bodies)
    carry(alice, bob, tmp_path / "stick", tx=sender, rx=receiver)
    assert 0 == toss(bob, receiver).status
    assert same(bodies, received(recorder))


@pytest.mark.parametrize(("tx", "rx"), PAIRS)
def test_the_carrier_may_be_of_either_make(
    pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, tx: Make, rx: Make
) -> None:
    """What one make queued the other carries, and tosses."""
    alice, bob = pair
    for maker in MAKES:
        exec_all(alice, maker, [b"by %s\n" % maker.encode()])
    carry(alice, bob, tmp_path / "stick", tx=tx, rx=rx)
    assert 0 == toss(bob, tx).status
    assert {b"by gateway\n", b"by nncp\n"} == {call.body for call in recorder.calls()}


def chain(directory: Path, names: list[str], nncp_bin: Path, recorder: Recorder) -> list[Node]:
    """Make nodes in a row: the first reaches the last through all others."""
    nodes = [Node(directory / name, name, nncp_bin) for name in names]
    first, *relays, last = nodes
    for before, after in itertools.pairwise(nodes):
        before.know(after)
        after.know(before)
    for node in (*relays, last):
        node.know(first, handles={"cap": [str(recorder.program)]} if node is last else None)
    for relay in relays:
        first.know(relay)
    first.know(last, via=relays)
    arguments_reach_the_program(last)
    return nodes


ROUTES = [
    makes for length in (3, 4) for makes in itertools.product(MAKES, repeat=length) if len(set(makes)) > 1
]
ROUTES += [("gateway",) * 3, ("gateway",) * 4]


@pytest.mark.parametrize("makes", ROUTES, ids="-".join)
def test_relays_of_either_make(
    tmp_path: Path, nncp_bin: Path, recorder: Recorder, makes: tuple[Make, ...]
) -> None:
    """Sender, one or two relays and receiver of any make; the padding is of the innermost packet."""
    names = ["alice", *(f"relay{number}" for number in range(1, len(makes) - 1)), "bob"]
    nodes = chain(tmp_path, names, nncp_bin, recorder)
    bodies = [b"", b"a", noise(BLOCK - PLAIN_HEADER - 16), noise(BLOCK - PLAIN_HEADER), noise(3 * BLOCK)]
    exec_all(nodes[0], makes[0], bodies, "-nocompress")
    exec_all(nodes[0], makes[0], [b"padded"], "-minsize", "129", first=len(bodies))
    hops = list(zip(nodes, makes, strict=True))
    for number, ((before, tx), (after, rx)) in enumerate(itertools.pairwise(hops)):
        carry(before, after, tmp_path / f"stick{number}", tx=tx, rx=rx)
        done = toss(after, rx)
        assert done.status == 0, f"{done}\n{after.records()[-2000:]}"
        assert [] == after.packets("rx")
    assert same([*bodies, b"padded"], received(recorder))
    assert all(nodes[0].keys.id == call.environ["NNCP_SENDER"] for call in recorder.calls())


def test_the_program_is_told_who_sent_it_and_how_nice(
    pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder
) -> None:
    """The three variables of either make's toss are the same."""
    alice, bob = pair
    seen = []
    for receiver in MAKES:
        exec_all(alice, "nncp", [b"x"], "-replynice", "77")
        carry(alice, bob, tmp_path / "stick", tx="nncp", rx="nncp")
        assert 0 == toss(bob, receiver).status
        environ = recorder.calls()[-1].environ
        seen.append({key: value for key, value in environ.items() if key.startswith("NNCP_")})
    expected = {"NNCP_SELF": bob.keys.id, "NNCP_SENDER": alice.keys.id, "NNCP_NICE": "77"}
    assert [expected, expected] == seen
