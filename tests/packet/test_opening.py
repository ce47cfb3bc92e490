"""Opening: whatever is wrong is refused, and nothing makes it crash."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl import bindings

from gateway.errors import BadPacket
from gateway.packet import failures
from gateway.packet.blocks import BLOCK
from gateway.packet.header import Header
from gateway.packet.identity import Identity
from gateway.packet.keys import Keys
from gateway.packet.opening import open_packet
from gateway.packet.plain import PacketType, Plain
from tests.packet.nodes import ALICE, BOB, HUB, hops, seal, signpub_of, unseal

PLAIN = Plain(PacketType.EXEC_FAT, 224, b"sink")
HEAD = PLAIN.encode()
RANDOM = hashlib.shake_128(b"opening").digest(4 * BLOCK)
SIZE, FULL = 1, 0
HUGE = 2**64 - 1

SMALL = seal(b"hello\n", plain=PLAIN, route=hops(HUB))[0]
PADDED = seal(b"hello\n", plain=PLAIN, route=hops(HUB), min_size=600)[0]
OPAD = seal(b"hello\n", plain=PLAIN, route=hops(HUB), min_size=131272)[0]
LARGE = seal(RANDOM[: 2 * BLOCK + 1000], plain=PLAIN, route=hops(HUB))[0]
SPILL = seal(RANDOM[: BLOCK - 276 - 8], plain=PLAIN, route=hops(HUB), min_size=0)[0]
LONG = seal(RANDOM * 5, plain=PLAIN, route=hops(HUB), min_size=40 * BLOCK)[0]
"""More blocks, and more padding behind them, than one thread opens."""
GOOD = {"small": SMALL, "padded": PADDED, "opad": OPAD, "large": LARGE, "spill": SPILL, "long": LONG}


def craft(
    blocks: Sequence[tuple[int, bytes]],
    *,
    opad: int = 0,
    exchpub: bytes | None = None,
    sender: Identity = ALICE,
) -> bytes:
    """Return a packet for hub, well signed, of any blocks and so much outer padding."""
    private = b"p" * 32
    header = Header(
        niceness=96,
        sender=sender.id,
        recipient=HUB.id,
        exchpub=exchpub or bindings.crypto_scalarmult_base(private),
    ).sign(sender.signprv)
    keys = Keys.agree(private, HUB.exchpub, header.signed_part())
    sealed = [
        keys.seal(keys.size if kind == SIZE else keys.full, n, data) for n, (kind, data) in enumerate(blocks)
    ]
    return header.encode() + b"".join(sealed) + keys.padding(0, opad)


def sizes(length: int, pad: int = 0) -> bytes:
    """Return the SIZE structure."""
    return struct.pack(">QQ", length, pad)


def fill(data: bytes, length: int = BLOCK) -> bytes:
    """Return `data` filled up with zeros."""
    return data + bytes(length - len(data))


def refusal(packet: bytes) -> type[BadPacket]:
    """Return what a packet is refused for."""
    with pytest.raises(BadPacket) as caught:
        unseal(packet, HUB)
    return type(caught.value)


def test_crafted_packets_are_good_to_begin_with() -> None:
    assert b"body" == unseal(craft([(SIZE, sizes(280) + HEAD + b"body")]), HUB)[1]
    spilled = craft([(SIZE, sizes(131057) + HEAD + RANDOM[: BLOCK - 292]), (FULL, b"x")])
    assert RANDOM[: BLOCK - 292] + b"x" == unseal(spilled, HUB)[1]
    padded = craft([(SIZE, fill(sizes(280, BLOCK) + HEAD + b"body"))], opad=296)
    assert b"body" == unseal(padded, HUB)[1]


@given(st.sampled_from(sorted(GOOD)), st.data(), st.integers(1, 255))
def test_any_changed_byte_is_refused(which: str, data: st.DataObject, change: int) -> None:
    packet = bytearray(GOOD[which])
    packet[data.draw(st.integers(0, len(packet) - 1))] ^= change
    refusal(bytes(packet))


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_any_cut_is_refused(which: str, data: st.DataObject) -> None:
    packet = GOOD[which]
    refusal(packet[: data.draw(st.integers(0, len(packet) - 1))])


@pytest.mark.parametrize("which", GOOD)
@pytest.mark.parametrize("more", [1, 16, BLOCK + 16, 3 * BLOCK])
def test_anything_that_follows_is_refused(which: str, more: int) -> None:
    refusal(GOOD[which] + bytes(more))


@pytest.mark.parametrize("cut", [172 + 131088 * k for k in (0, 1, 2)])
def test_cut_between_blocks_is_refused(cut: int) -> None:
    assert failures.Corrupt is refusal(LARGE[:cut])


@given(st.binary(max_size=400))
def test_any_bytes_behind_a_good_header_are_refused(data: bytes) -> None:
    refusal(SMALL[:172] + data)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([SIZE, FULL]),
            st.builds(
                lambda length, pad, start, size: fill((sizes(length, pad) + start)[:size], size),
                st.one_of(st.integers(0, HUGE), st.integers(270, 300), st.integers(BLOCK - 20, BLOCK + 20)),
                st.one_of(st.integers(0, HUGE), st.integers(0, 300)),
                st.sampled_from([b"", HEAD, HEAD + b"body"]),
                st.sampled_from([0, 1, 15, 16, 17, 291, 292, 293, 296, 300, BLOCK - 1, BLOCK]),
            ),
        ),
        max_size=3,
    ),
    st.sampled_from([0, 0, 1, 100]),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_neighbour_seals_is_opened_or_refused(blocks: list[tuple[int, bytes]], opad: int) -> None:
    packet = craft(blocks, opad=opad)
    try:
        opened, data = unseal(packet, HUB)
    except BadPacket:
        return
    assert opened.payload_size == len(data)
    assert len(packet) == len(craft(blocks)) + opad


CRAFTED = {
    "length below a plain header": ([(SIZE, sizes(275) + HEAD)], 0, failures.BadSize),
    "length zero": ([(SIZE, sizes(0))], 0, failures.BadSize),
    "huge length": ([(SIZE, sizes(HUGE) + HEAD)], 0, failures.BadSize),
    "huge length in a full block": ([(SIZE, fill(sizes(HUGE) + HEAD))], 0, failures.BadSize),
    "one byte missing": ([(SIZE, sizes(277) + HEAD)], 0, failures.BadSize),
    "one byte too many": ([(SIZE, sizes(276) + HEAD + b"\0")], 0, failures.BadPadding),
    "less than was delivered": (
        [(FULL, fill(HEAD)), (FULL, bytes(BLOCK)), (SIZE, sizes(2 * BLOCK - 1))],
        0,
        failures.BadSize,
    ),
    "a whole block more than was delivered": (
        [(SIZE, fill(sizes(BLOCK + 5) + HEAD)), (FULL, bytes(21))],
        0,
        failures.BadSize,
    ),
    "spill missing": ([(SIZE, fill(sizes(131057) + HEAD))], 0, failures.Corrupt),
    "spill too short": ([(SIZE, fill(sizes(131058) + HEAD)), (FULL, b"x")], 0, failures.BadSize),
    "spill empty": ([(SIZE, fill(sizes(131057) + HEAD)), (FULL, b"")], 0, failures.BadSize),
    "spill with the other key": ([(SIZE, fill(sizes(131057) + HEAD)), (SIZE, b"x")], 0, failures.Corrupt),
    "spill with padding unannounced": (
        [(SIZE, fill(sizes(131057) + HEAD)), (FULL, b"x\0")],
        0,
        failures.BadPadding,
    ),
    "block after the end": ([(SIZE, fill(sizes(131056) + HEAD)), (FULL, b"x")], 0, failures.TrailingBytes),
    "padding of ones": ([(SIZE, sizes(276, 1) + HEAD + b"\1")], 0, failures.BadPadding),
    "padding missing inside": ([(SIZE, sizes(276, 2) + HEAD + b"\0")], 0, failures.BadPadding),
    "padding missing outside": ([(SIZE, fill(sizes(276, BLOCK) + HEAD))], 291, failures.BadPadding),
    "padding too long outside": ([(SIZE, fill(sizes(276, BLOCK) + HEAD))], 293, failures.TrailingBytes),
    "padding outside unannounced": ([(SIZE, fill(sizes(131056) + HEAD))], 1, failures.TrailingBytes),
    "huge padding": ([(SIZE, fill(sizes(276, HUGE) + HEAD))], 1000, failures.BadPadding),
    "no sizes": ([(SIZE, b"")], 0, failures.BadSize),
    "full key on a short block": ([(FULL, sizes(276) + HEAD)], 0, failures.Corrupt),
    "full block only": ([(FULL, fill(HEAD))], 0, failures.Corrupt),
    "no plain packet": ([(SIZE, sizes(276) + bytes(276))], 0, failures.NotAPacket),
    "plain packet of another version": (
        [(SIZE, sizes(276) + b"NNCPP\0\0\2" + HEAD[8:])],
        0,
        failures.UnsupportedPacket,
    ),
    "undecodable plain packet": ([(SIZE, sizes(276) + HEAD[:8] + b"\1" + HEAD[9:])], 0, failures.Corrupt),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_packet_is_refused(name: str) -> None:
    blocks, opad, failure = CRAFTED[name]
    assert failure is refusal(craft(blocks, opad=opad))


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xed" + b"\xff" * 30 + b"\x7f"])
def test_ephemeral_key_of_low_order_is_refused(point: bytes) -> None:
    assert failures.Corrupt is refusal(craft([(SIZE, sizes(276) + HEAD)], exchpub=point))


def test_packets_of_others_say_whose_they_are() -> None:
    with pytest.raises(failures.NotForUs) as other:
        unseal(SMALL, BOB)
    assert HUB.id == other.value.recipient
    stranger = Identity.generate()
    with pytest.raises(failures.UnknownSender) as unknown:
        unseal(craft([(SIZE, sizes(276) + HEAD)], sender=stranger), HUB)
    assert stranger.id == unknown.value.sender


def test_nothing_is_known_before_the_payload_was_drained() -> None:
    opened = open_packet(io.BytesIO(LARGE), identity=HUB, signpub_of=signpub_of)
    payload = opened.payload()
    next(payload)
    for fact in ("name", "pad", "payload_size"):
        with pytest.raises(ValueError, match="not drained"):
            getattr(opened, fact)
    for _ in payload:
        pass
    assert 2 * BLOCK + 1000 == opened.payload_size
    assert [] == list(opened.payload())


class Trickle(io.RawIOBase):
    """Gives some bytes at a time, as a pipe does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes."""
        return self._data.read(min(size, self._step))


@pytest.mark.parametrize("which", GOOD)
@pytest.mark.parametrize("step", [997, 131087])
def test_short_reads_make_no_difference(which: str, step: int) -> None:
    opened = open_packet(Trickle(GOOD[which], step), identity=HUB, signpub_of=signpub_of)
    assert unseal(GOOD[which], HUB)[1] == b"".join(opened.payload())


def test_memory_does_not_grow_with_the_packet() -> None:
    def peak(blocks: int) -> int:
        packet, _ = seal(bytes(blocks * BLOCK), plain=PLAIN, route=hops(HUB), min_size=2 * blocks * BLOCK)
        tracemalloc.start()
        opened = open_packet(io.BytesIO(packet), identity=HUB, signpub_of=signpub_of)
        assert blocks * BLOCK == sum(map(len, opened.payload()))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(4)
    assert peak(40) < peak(4) + BLOCK


def test_failure_to_read_is_the_callers() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 172:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output"):
        open_packet(Broken(SMALL), identity=HUB, signpub_of=signpub_of)
