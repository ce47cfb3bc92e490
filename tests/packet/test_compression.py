"""Compressed bodies: what we write, what we take, and what must not hurt us."""

from __future__ import annotations

import hashlib
import struct
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadPacket
from gateway.packet.compression import Compressor, decompress
from gateway.packet.failures import Corrupt, OverLimit, TrailingBytes

MIB = 1024 * 1024
MIXED = b"".join(b"%d " % n for n in range(200_000)) + hashlib.shake_128(b"zstd").digest(2 * MIB)
MAIL = MIXED[:5000]


def compress(data: bytes, step: int = 65536) -> bytes:
    """Compress, written in pieces."""
    out: list[bytes] = []
    compressor = Compressor(out.append)
    for start in range(0, len(data), step):
        compressor.write(data[start : start + step])
    compressor.finish()
    return b"".join(out)


def frame(data: bytes, level: int = 3, **options: object) -> bytes:
    """Return one frame from a stream, as another sender may write it."""
    parameters = zstandard.ZstdCompressionParameters.from_level(level, **{"write_checksum": True, **options})
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return stream.compress(data) + stream.flush()


def skippable(data: bytes, number: int = 0) -> bytes:
    """Return a frame that is to be passed over."""
    return struct.pack("<II", 0x184D2A50 + number, len(data)) + data


def expand(data: bytes, step: int = 131072, *, max_size: int = 16 * MIB, **limits: int) -> bytes:
    """Decompress what comes in pieces."""
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    return b"".join(decompress(pieces, max_size=max_size, **limits))


def rle_bomb(blocks: int) -> bytes:
    """Return a frame of blocks of zeros, 4 bytes for every 128 KiB."""
    block = (131072 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * blocks + b"\1\0\0"


@pytest.mark.parametrize("size", [1, 255, 256, 131071, 131072, MIB - 1, MIB, MIB + 1, len(MIXED)])
@pytest.mark.parametrize("step", [7919, 65536, 10 * MIB])
def test_body_returns(size: int, step: int) -> None:
    packed = compress(MIXED[:size], step)
    assert MIXED[:size] == expand(packed, step)


@pytest.mark.parametrize("size", [1, 5000, MIB, MIB + 1, len(MIXED)])
def test_one_frame_with_a_checksum_that_any_reader_takes(size: int) -> None:
    packed = compress(MIXED[:size])
    parameters = zstandard.get_frame_parameters(packed)
    assert parameters.has_checksum
    assert 0 == parameters.dict_id
    assert parameters.window_size <= 8 * MIB
    reader = zstandard.ZstdDecompressor().decompressobj()
    assert MIXED[:size] == reader.decompress(packed)
    assert reader.eof
    assert b"" == reader.unused_data


def test_empty_body_is_no_bytes() -> None:
    assert b"" == compress(b"")
    assert b"" == expand(b"")
    assert [] == list(decompress([b"", b""], max_size=0))


def test_an_empty_frame_is_an_empty_body() -> None:
    assert b"" == expand(frame(b""), max_size=0)


@pytest.mark.parametrize(
    "packed",
    [
        frame(MAIL),
        frame(MAIL, write_checksum=False),
        zstandard.ZstdCompressor().compress(MAIL),
        frame(MAIL, level=19),
        frame(MAIL, level=-5),
        frame(MAIL, window_log=27),
        frame(MAIL[:1000]) + frame(MAIL[1000:]),
        skippable(b"note") + frame(MAIL) + skippable(b"", 15),
        skippable(bytes(300_000), 7) + frame(MAIL),
        frame(b"") + frame(MAIL) + frame(b""),
    ],
    ids=["plain", "no-sum", "sized", "19", "fast", "window", "two", "skip", "large-skip", "empties"],
)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_what_others_write_is_taken(packed: bytes, step: int) -> None:
    assert MAIL == expand(packed, step)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300_000)), max_size=4), st.integers(1, 400_000))
def test_any_row_of_frames_is_taken(frames: list[tuple[bool, int]], step: int) -> None:
    packed = b"".join(skippable(MIXED[:size]) if skip else frame(MIXED[:size]) for skip, size in frames)
    expected = b"".join(MIXED[:size] for skip, size in frames if not skip)
    assert expected == expand(packed, step)


@pytest.mark.parametrize(
    "packed", [frame(MAIL), frame(MIXED), frame(MAIL, write_checksum=False), compress(MAIL)]
)
@given(st.data())
def test_any_cut_is_refused(packed: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(Corrupt):
        expand(packed[:cut])


@pytest.mark.parametrize("more", [b"\0", b"\n", b"\x28", b"\x28\xb5\x2f", b"garbage", b"\x50\x2a\x4d"])
def test_anything_that_follows_is_refused(more: bytes) -> None:
    with pytest.raises(TrailingBytes):
        expand(frame(MAIL) + more)


@pytest.mark.parametrize(
    "more",
    [frame(MAIL)[:-1], frame(MAIL)[:5], b"\x28\xb5\x2f\xfd", skippable(b"xx")[:-1], skippable(b"")[:7]],
)
def test_unfinished_frame_that_follows_is_refused(more: bytes) -> None:
    with pytest.raises(Corrupt):
        expand(frame(MAIL) + more)


@given(st.integers(0, 4999), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_makes_no_difference(offset: int, change: int) -> None:
    packed = bytearray(frame(MAIL))
    packed[offset % len(packed)] ^= change
    try:
        found = expand(bytes(packed))
    except BadPacket:
        return
    assert MAIL == found


@given(st.binary(min_size=1, max_size=100), st.booleans())
def test_any_bytes_are_a_body_or_refused(data: bytes, magic: bool) -> None:
    try:
        found = expand(b"\x28\xb5\x2f\xfd" + data if magic else data, max_size=MIB)
    except BadPacket:
        return
    assert len(found) <= MIB


def test_wrong_checksum_is_refused() -> None:
    packed = bytearray(frame(MAIL))
    packed[-1] ^= 1
    with pytest.raises(Corrupt):
        expand(bytes(packed))


def test_uncompressed_body_is_refused() -> None:
    with pytest.raises(Corrupt, match="not compressed"):
        expand(b"From: a@example\n\nhello\n")


def test_dictionary_that_we_do_not_have_is_refused() -> None:
    samples = [MIXED[start : start + 500] for start in range(0, 100_000, 500)]
    words = zstandard.train_dictionary(1024, samples)
    packed = zstandard.ZstdCompressor(dict_data=words).compress(MAIL)
    assert zstandard.get_frame_parameters(packed).dict_id
    with pytest.raises(Corrupt):
        expand(packed)


def test_body_may_be_as_large_as_allowed_but_no_larger() -> None:
    assert MAIL == expand(frame(MAIL), max_size=len(MAIL))
    assert MAIL * 2 == expand(frame(MAIL) * 2, max_size=2 * len(MAIL))
    for packed in (
        frame(MAIL),
        frame(MAIL[:-1]) + frame(MAIL[-1:]),
        zstandard.ZstdCompressor().compress(MAIL),
    ):
        with pytest.raises(OverLimit, match="exceeds 4999 bytes"):
            expand(packed, max_size=len(MAIL) - 1)


def test_window_may_be_as_large_as_allowed_but_no_larger() -> None:
    assert MAIL == expand(frame(MAIL, window_log=20), max_window=MIB)
    with pytest.raises(OverLimit, match="window of 2097152 bytes"):
        expand(frame(MAIL, window_log=21), max_window=MIB)
    with pytest.raises(OverLimit, match="window of 268435456 bytes"):
        expand(frame(MAIL, window_log=28))


def bomb_of_zeros() -> bytes:
    """Return 512 MiB of zeros, well compressed."""
    stream = zstandard.ZstdCompressor(level=19).compressobj()
    return b"".join([stream.compress(bytes(MIB)) for _ in range(512)]) + stream.flush()


@pytest.mark.parametrize("bomb", [bomb_of_zeros(), rle_bomb(4096)], ids=["zeros", "rle"])
def test_bomb_stops_at_the_limit_without_taking_memory(bomb: bytes) -> None:
    assert len(bomb) < 64 * 1024
    tracemalloc.start()
    total = 0

    def drain() -> None:
        nonlocal total
        for piece in decompress([bomb], max_size=8 * MIB):
            assert len(piece) <= 131072
            total += len(piece)

    with pytest.raises(OverLimit):
        drain()
    assert total <= 8 * MIB
    assert tracemalloc.get_traced_memory()[1] < MIB
    tracemalloc.stop()


def test_input_is_read_only_as_far_as_needed() -> None:
    def endless() -> Iterator[bytes]:
        yield frame(MAIL)
        while True:
            yield skippable(bytes(1000))
            yield frame(MAIL)

    with pytest.raises(OverLimit):
        list(decompress(endless(), max_size=100_000))


def test_failure_to_write_is_the_callers() -> None:
    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    compressor = Compressor(full)
    compressor.write(MIXED[:5000])
    with pytest.raises(OSError, match="No space"):
        compressor.finish()


def test_refused_packet_below_is_passed_on() -> None:
    def cut() -> Iterator[bytes]:
        yield frame(MAIL)
        raise Corrupt("the packet ends early")

    with pytest.raises(Corrupt, match="the packet ends early"):
        list(decompress(cut(), max_size=MIB))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_written_buffers_may_be_used_again(kind: type) -> None:
    out: list[bytes] = []
    compressor = Compressor(out.append)
    for start in range(0, len(MIXED), 500_000):
        buffer = bytearray(MIXED[start : start + 500_000])
        compressor.write(kind(buffer))
        buffer[:] = bytes(len(buffer))
    compressor.finish()
    assert MIXED == expand(b"".join(out))


@pytest.mark.parametrize(
    ("body", "threads"), [(MIXED[: MIB + 1], 2), (MIXED[-2 * MIB :], 0)], ids=["mail", "noise"]
)
def test_threads_are_for_large_bodies_that_compress(
    body: bytes, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    from_level = zstandard.ZstdCompressionParameters.from_level

    class Parameters:
        @staticmethod
        def from_level(level: int, **options: int) -> zstandard.ZstdCompressionParameters:
            asked.append(options["threads"])
            return from_level(level, **options)

    monkeypatch.setattr(zstandard, "ZstdCompressionParameters", Parameters)
    assert body == expand(compress(body))
    assert [threads] == asked
