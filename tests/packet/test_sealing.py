"""Sealing: sizes and boundaries, relays, padding and limits."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from gateway.errors import ConfigError
from gateway.packet.blocks import ALONE, BLOCK, GROUP
from gateway.packet.failures import PathTooLong, TooLarge
from gateway.packet.identity import Identity
from gateway.packet.mth import MerkleTree
from gateway.packet.opening import open_packet
from gateway.packet.plain import HEADER_SIZE, PacketType, Plain
from gateway.packet.sealing import Hop, Sealer, sealed_size
from tests.packet.nodes import ALICE, BOB, HUB, HUB2, hops, seal, signpub_of, unseal

PLAIN = Plain(PacketType.EXEC_FAT, 224, b"sink")
RANDOM = hashlib.shake_128(b"sealing").digest(4 * BLOCK)
WAY = (HUB, HUB2, BOB)

# Lengths of the plain packet around everything that changes how it is cut.
BOUNDARIES = sorted(
    {
        blocks * BLOCK + edge
        for blocks in (0, 1, 2)
        for edge in (0, 1, 5, 275, 276, 277, BLOCK - 17, BLOCK - 16, BLOCK - 15, BLOCK - 8, BLOCK - 1)
        if blocks * BLOCK + edge >= HEADER_SIZE
    }
)


MANY = ALONE + 10 * GROUP
"""More blocks than one thread seals alone, and than it is given at once."""


def name(packet: bytes) -> str:
    """Return a packet's name."""
    tree = MerkleTree()
    tree.update(packet)
    return tree.name()


@pytest.mark.parametrize("length", BOUNDARIES)
@pytest.mark.parametrize("padding", [0, 1, 15, 16, 17, BLOCK, BLOCK + 1])
def test_what_is_sealed_opens(length: int, padding: int) -> None:
    data = RANDOM[: length - HEADER_SIZE]
    size = sealed_size(length)
    packet, sealed = seal(data, plain=PLAIN, route=hops(HUB), min_size=size + padding)
    assert size + padding == len(packet) == sealed.size
    assert (length, len(data)) == (sealed.plain_size, sealed.payload_size)
    opened, found = unseal(packet, HUB)
    assert data == found
    assert (PLAIN, padding, len(data)) == (opened.plain, opened.pad, opened.payload_size)
    assert name(packet) == opened.name == sealed.name == sealed.inner_name


@pytest.mark.parametrize(
    ("length", "blocks"),
    [
        (131056, [131072]),
        (131057, [131072, 1]),
        (131071, [131072, 15]),
        (131072, [131072, 16]),
        (131073, [131072, 17]),
        (3 * BLOCK + 5, [131072, 131072, 131072, 21]),
    ],
)
def test_blocks_are_cut_as_the_format_says(length: int, blocks: list[int]) -> None:
    assert 172 + sum(block + 16 for block in blocks) == sealed_size(length)
    packet, _ = seal(RANDOM[: length - HEADER_SIZE], plain=PLAIN, route=hops(HUB))
    assert sealed_size(length) == len(packet)


@given(
    st.sampled_from(BOUNDARIES),
    st.integers(0, 300),
    st.integers(1, 3),
    st.sampled_from([0, 1, 4096, BLOCK, BLOCK + 1, 3 * BLOCK]),
    st.lists(st.integers(0, 4 * BLOCK), max_size=3),
)
def test_relays_unwrap_one_after_the_other(
    length: int, more: int, hop_count: int, min_size: int, cuts: list[int]
) -> None:
    data = RANDOM[: length - HEADER_SIZE + more]
    way = WAY[-hop_count:]
    packet, sealed = seal(
        data,
        plain=PLAIN,
        route=hops(*way),
        niceness=33,
        min_size=min_size,
        cuts=[min(c, len(data)) for c in cuts],
    )
    assert (name(packet), len(packet)) == (sealed.name, sealed.size)
    assert max(min_size, len(data)) <= len(packet)
    ephemerals = set()
    for number, node in enumerate(way):
        assert hop_count - number == 1 or name(packet) != sealed.inner_name
        opened, payload = unseal(packet, node)
        ephemerals.add(opened.header.exchpub)
        assert (ALICE.id, 33) == (opened.header.sender, opened.header.niceness)
        if node is BOB:
            assert (PLAIN, sealed.inner_name) == (opened.plain, opened.name)
        else:
            assert (Plain(PacketType.TRNS, 0, way[number + 1].id), 0) == (opened.plain, opened.pad)
        packet = payload
    assert data == packet
    assert hop_count == len(ephemerals)


# As observed with real NNCP: what padding adds to outer layers is not subtracted again.
@pytest.mark.parametrize(
    ("min_size", "relays", "size"), [(129, 1, 132112), (300, 2, 307264), (129, 0, 132096)]
)
def test_padding_over_relays_is_what_nncp_makes(min_size: int, relays: int, size: int) -> None:
    _, sealed = seal(b"hello\n", plain=PLAIN, route=hops(*WAY[2 - relays :]), min_size=min_size * 1024)
    assert size == sealed.size


def test_a_relay_wraps_a_packet_along_its_own_route() -> None:
    inner, _ = seal(RANDOM[:200_000], plain=PLAIN, route=hops(BOB))
    transit = Plain(PacketType.TRNS, 0, BOB.id)
    packet, sealed = seal(inner, plain=transit, route=hops(HUB, HUB2), identity=HUB, niceness=7)
    first, payload = unseal(packet, HUB)
    assert (HUB.id, 7, Plain(PacketType.TRNS, 0, HUB2.id)) == (
        first.header.sender,
        first.header.niceness,
        first.plain,
    )
    second, passed_on = unseal(payload, HUB2)
    assert (HUB.id, 7, transit, sealed.inner_name) == (
        second.header.sender,
        second.header.niceness,
        second.plain,
        second.name,
    )
    assert inner == passed_on
    last, data = unseal(passed_on, BOB)
    assert (ALICE.id, RANDOM[:200_000]) == (last.header.sender, data)


def no_thread(_thread: threading.Thread) -> None:
    """Stand in for what starts one, under a limit."""
    raise RuntimeError("can't start new thread")


def test_a_large_packet_needs_no_second_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    data = bytes(20 * BLOCK)
    packet, _ = seal(data, plain=PLAIN, route=hops(HUB))
    assert data == unseal(packet, HUB)[1]


def test_a_small_packet_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    packet, _ = seal(bytes((ALONE - 1) * BLOCK), plain=PLAIN, route=hops(*WAY))
    unseal(packet, HUB)
    assert [] == started


@pytest.mark.parametrize("rest", [0, 1, BLOCK - 292, BLOCK - 1])
def test_a_large_packet_is_whole_in_every_layer(rest: int) -> None:
    data = RANDOM * (MANY // 4) + RANDOM[:rest]
    packet, sealed = seal(data, plain=PLAIN, route=hops(*WAY))
    assert (len(packet), len(data)) == (sealed.size, sealed.payload_size)
    names = []
    for node in WAY:
        names.append(name(packet))
        opened, packet = unseal(packet, node)
        assert names[-1] == opened.name
    assert data == packet
    assert tuple(names) == sealed.layers


def test_the_same_is_never_sealed_the_same() -> None:
    assert seal(b"x", plain=PLAIN, route=hops(HUB))[0] != seal(b"x", plain=PLAIN, route=hops(HUB))[0]


def test_a_small_packet_is_one_write() -> None:
    writes: list[bytes] = []
    sealer = Sealer(writes.append, identity=ALICE, route=hops(*WAY), niceness=1, plain=PLAIN)
    sealer.write(b"x" * 1000)
    assert [] == writes
    sealer.finish()
    assert 1 == len(writes)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_written_buffers_may_be_used_again(kind: type) -> None:
    out: list[bytes] = []
    sealer = Sealer(out.append, identity=ALICE, route=hops(HUB), niceness=1, plain=PLAIN)
    for start in range(0, 300_000, 100_000):
        buffer = bytearray(RANDOM[start : start + 100_000])
        sealer.write(kind(buffer))
        buffer[:] = bytes(len(buffer))
    sealer.finish()
    assert RANDOM[:300_000] == unseal(b"".join(out), HUB)[1]


def test_max_size_counts_the_plain_packet() -> None:
    seal(bytes(1000), plain=PLAIN, route=hops(*WAY), max_size=1276)
    with pytest.raises(TooLarge, match="1275 bytes") as caught:
        seal(bytes(1000), plain=PLAIN, route=hops(HUB), max_size=1275)
    assert 65 == caught.value.status
    with pytest.raises(TooLarge):
        Sealer(print, identity=ALICE, route=hops(HUB), niceness=1, plain=PLAIN, max_size=275)


@pytest.mark.parametrize("size", [276, 2 * BLOCK])
def test_failure_to_write_is_the_callers(size: int) -> None:
    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    sealer = Sealer(full, identity=ALICE, route=hops(*WAY), niceness=1, plain=PLAIN)

    def whole() -> None:
        sealer.write(bytes(size))
        sealer.finish()

    with pytest.raises(OSError, match="No space"):
        whole()


@pytest.mark.parametrize("way", [(HUB,), WAY], ids=["direct", "relays"])
@pytest.mark.parametrize("threaded", [True, False])
def test_after_a_failure_to_write_nothing_is_written(
    way: tuple[Identity, ...], threaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it comes, and in whatever thread; it is the caller's as it was."""
    if not threaded:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    body = bytes(2 * BLOCK)

    def sealed_until(last: int) -> tuple[int, int | None]:
        """Return how many writes there were, with the one of that number failing, and what was raised."""
        writes, raised = 0, None

        def write(_: bytes) -> None:
            nonlocal writes
            writes += 1
            if writes == last:
                raise OSError(28, "No space left on device")

        sealer = Sealer(write, identity=ALICE, route=hops(*way), niceness=1, plain=PLAIN)
        try:
            for _ in range(MANY // 2):
                sealer.write(body)
            sealer.finish()
        except OSError as failure:
            raised = failure.errno
        finally:
            sealer.give_up()
        assert not any(thread.name == "gateway-behind" for thread in threading.enumerate())
        return writes, raised

    total, _ = sealed_until(0)
    assert MANY / GROUP <= total
    expected = [*((last, 28) for last in range(1, total + 1)), (total, None)]
    assert expected == [sealed_until(last) for last in range(1, total + 2)]


def test_nothing_is_written_once_it_was_given_up() -> None:
    """Also by the second thread, which is at work on it."""
    written: list[int] = []
    writing = threading.Event()

    def write(data: bytes) -> None:
        if threading.current_thread() is not threading.main_thread():
            writing.set()
            time.sleep(0.02)
        written.append(len(data))

    sealer = Sealer(write, identity=ALICE, route=hops(*WAY), niceness=1, plain=PLAIN)
    while not writing.is_set():
        sealer.write(RANDOM)
    sealer.give_up()
    before = len(written)
    time.sleep(0.1)
    assert before == len(written)
    assert not any(thread.name == "gateway-behind" for thread in threading.enumerate())


def test_key_of_low_order_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"exchpub of node A{52} cannot be used"):
        Sealer(print, identity=ALICE, route=[Hop(bytes(32), bytes(32))], niceness=1, plain=PLAIN)


@pytest.mark.parametrize("niceness", [0, 256, -1])
def test_niceness_out_of_range_is_refused(niceness: int) -> None:
    with pytest.raises(ValueError, match="out of 1 to 255"):
        Sealer(print, identity=ALICE, route=hops(HUB), niceness=niceness, plain=PLAIN)


def test_routes_and_keys_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one hop"):
        Sealer(print, identity=ALICE, route=[], niceness=1, plain=PLAIN)
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(print, identity=ALICE, route=[Hop(HUB.id, b"short")], niceness=1, plain=PLAIN)
    with pytest.raises(PathTooLong):
        Sealer(print, identity=ALICE, route=hops(HUB), niceness=1, plain=Plain(5, 0, bytes(256)))


def test_memory_does_not_grow_with_the_body() -> None:
    def peak(blocks: int) -> int:
        sealer = Sealer(len, identity=ALICE, route=hops(*WAY), niceness=1, plain=PLAIN)
        tracemalloc.start()
        for _ in range(blocks):
            sealer.write(RANDOM[:BLOCK])
        sealer.finish()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(4)
    assert peak(100) < peak(4) + BLOCK


def test_ephemeral_key_in_the_header_is_that_of_the_route() -> None:
    keys = [bytes([n]) * 32 for n in (1, 2)]
    packet, _ = seal(b"", plain=PLAIN, route=hops(HUB, BOB), ephemerals=keys)
    outer = open_packet(io.BytesIO(packet), identity=HUB, signpub_of=signpub_of)
    assert bindings.crypto_scalarmult_base(keys[0]) == outer.header.exchpub
