"""The recorded BSMTP samples, and short ways to read and write batches."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from gateway.mail.bsmtp import BatchWriter, read
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message

FOLDER = Path(__file__).parent.parent / "vectors" / "mta"
SAMPLES = {path.stem.removeprefix("bsmtp-"): path for path in sorted(FOLDER.glob("bsmtp-*.txt"))}

ENVELOPE = Envelope(ReversePath("joe@a.example"), (Recipient("x@b.example"),))
HEAD = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n"


def exim_cases() -> list[dict[str, object]]:
    """Return what ``exim -bS`` was given and what it did."""
    return list(json.loads((FOLDER / "bs-cases.json").read_text(encoding="utf-8")))


def read_all(batch: bytes) -> list[tuple[Envelope, bytes]]:
    """Return envelopes and messages of a batch."""
    return [(one.envelope, one.message.read()) for one in read(io.BytesIO(batch))]


def write_all(transactions: Iterable[tuple[Envelope, bytes | Iterable[bytes]]]) -> bytes:
    """Return a batch in our own form."""
    parts: list[bytes] = []
    writer = BatchWriter(parts.append)
    for envelope, message in transactions:
        writer.transaction(envelope, Message(message))
    writer.finish()
    return b"".join(parts)


def in_pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return the data cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(places)]


class Trickle(io.RawIOBase):
    """A stream that gives its octets in given pieces, as a pipe may."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])

    def read(self, size: int = -1) -> bytes:
        """Return the next piece; empty at the end."""
        return next(self._pieces, b"")
