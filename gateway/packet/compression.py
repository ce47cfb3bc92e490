"""Zstandard for the body of an exec packet (exec, Zstandard frames; RFC 8878)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import zstandard

from gateway.packet.blocks import Buffer
from gateway.packet.failures import Corrupt, OverLimit, TrailingBytes

MIB = 1024 * 1024
MAX_WINDOW = 128 * MIB
"""The largest window [bytes] that a frame may ask for, by default."""
LEVEL = 3

_ONE_SHOT = MIB
"""Bodies up to this size are compressed at once, with tables of their size."""
_THREADS = 2
"""For larger bodies, inside libzstd; small jobs keep it at some MiB of memory."""
_JOB = MIB
_SAMPLE = 128 * 1024
_HARDLY = 0.95
"""A sample that does not become smaller than this is of a body on which threads would have nothing to do."""
_BLOCK = 128 * 1024
"""The most that one block can grow to."""
_FRAME = b"\x28\xb5\x2f\xfd"
_MAGIC_SIZE = 4
_SKIPPABLE = (b"\x2a\x4d\x18", range(0x50, 0x60))
_SKIPPABLE_HEADER = 8
_LONGEST_HEADER = 18
_BLOCK_HEADER = 3
_CHECKSUM = 4
_RLE, _RESERVED = 1, 3


class Compressor:
    """Compresses what is written into one frame with a checksum; an empty body into no bytes."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._held = bytearray()
        self._stream: zstandard.ZstdCompressionObj | None = None

    def write(self, data: Buffer) -> None:
        """Add the next bytes of the body."""
        if self._stream is None:
            self._held += data
            if len(self._held) <= _ONE_SHOT:
                return
            data, self._held = self._held, bytearray()
            self._stream, begin = _begin(data)
            self._put(begin)
            return
        self._put(self._stream.compress(data))

    def finish(self) -> None:
        """End the frame; nothing may follow."""
        if self._stream is not None:
            self._put(self._stream.flush())
        elif self._held:
            self._put(zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(self._held))

    def _put(self, data: bytes) -> None:
        if data:
            self._write(data)


def _begin(data: Buffer) -> tuple[zstandard.ZstdCompressionObj, bytes]:
    """Return a stream into which `data` went, and what came out; with threads if they help and can be had."""
    for threads in (_THREADS, 0) if _compressible(data) else (0,):
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, write_checksum=True, threads=threads, job_size=_JOB if threads else 0
        )
        stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        try:
            return stream, stream.compress(data)
        except zstandard.ZstdError:  # under a limit of processes there are no threads to be had
            if not threads:
                raise
    raise AssertionError


def _compressible(data: Buffer) -> bool:
    sample = memoryview(data)[-_SAMPLE:]
    return len(zstandard.ZstdCompressor(level=1).compress(sample)) < _HARDLY * len(sample)


def decompress(chunks: Iterable[bytes], *, max_size: int, max_window: int = MAX_WINDOW) -> Iterator[bytes]:
    """Yield the body that `chunks` hold compressed; it counts only if the end is reached.

    Takes any number of frames, skippable ones too, and nothing else. `max_size` limits the
    body and `max_window` what a frame may need as window [bytes]. Frames are cut into their
    blocks before they are decompressed, so that each step yields 128 KiB at most, whatever
    an attacker has made.

    Raises:
        Corrupt: temporary; a frame is damaged or ends early.
        TrailingBytes: temporary; something that is no frame follows.
        OverLimit: temporary; the body or a window is too large.
    """
    source = _Bytes(chunks)
    total = 0
    first = True
    while magic := source.take(_MAGIC_SIZE):
        if len(magic) == _MAGIC_SIZE and magic[1:] == _SKIPPABLE[0] and magic[0] in _SKIPPABLE[1]:
            source.skip(int.from_bytes(source.exactly(_SKIPPABLE_HEADER - _MAGIC_SIZE), "little"))
        elif magic == _FRAME:
            for piece in _frame(source, max_window):
                total += len(piece)
                if total > max_size:
                    raise OverLimit(f"the body exceeds {max_size} bytes")
                yield piece
        elif first:
            raise Corrupt("the body is not compressed")
        else:
            raise TrailingBytes("bytes follow the compressed body")
        first = False


def _frame(source: _Bytes, max_window: int) -> Iterator[bytes]:
    """Yield what one frame holds; its magic was already taken."""
    header = _FRAME + source.peek(_LONGEST_HEADER - _MAGIC_SIZE)
    try:
        size = zstandard.frame_header_size(header)
        parameters = zstandard.get_frame_parameters(header)
    except (zstandard.ZstdError, ValueError) as error:
        raise Corrupt("a frame of the body has a damaged header or none") from error
    if parameters.window_size > max_window:
        raise OverLimit(f"decompressing needs a window of {parameters.window_size} bytes")
    pending = _FRAME + source.exactly(size - _MAGIC_SIZE)
    decompressor = zstandard.ZstdDecompressor(max_window_size=max_window).decompressobj()
    last = False
    while not last:
        head = source.exactly(_BLOCK_HEADER)
        value = int.from_bytes(head, "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if size > _BLOCK or kind == _RESERVED:
            raise Corrupt("the compressed body was changed")
        size = 1 if kind == _RLE else size
        if last and parameters.has_checksum:
            size += _CHECKSUM
        data = b"".join((pending, head, *source.views(size)))
        pending = b""
        try:
            piece = decompressor.decompress(data)
        except zstandard.ZstdError as error:
            raise Corrupt("the compressed body was changed") from error
        if piece:
            yield piece
    if not decompressor.eof or decompressor.unused_data:
        raise Corrupt("a frame of the body is not what its blocks say")


class _Bytes:
    """Chunks, read by the byte."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        """What was not taken of the last chunk."""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes without taking them; fewer only at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest = memoryview(b"".join((self._rest, chunk)))
        return bytes(self._rest[:size])

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end."""
        data = self.peek(size)
        self._rest = self._rest[len(data) :]
        return data

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return b"".join(self.views(size))

    def views(self, size: int) -> list[memoryview]:
        """Return the next `size` bytes as they lie in the chunks."""
        views = []
        while size:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise Corrupt("the compressed body ends early")
                self._rest = memoryview(chunk)
            views.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(views[-1])
        return views

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        while size:
            size -= sum(map(len, self.views(min(size, _BLOCK))))
