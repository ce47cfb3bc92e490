"""Verify: a job is read to its last byte, and everything about it is right, before anything acts."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from gateway.errors import BadPacket
from gateway.packet.compression import decompress
from gateway.packet.failures import OverLimit, WrongName
from gateway.packet.opening import Opened, open_packet
from gateway.packet.plain import PacketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.config.model import Config, Neighbour
    from gateway.packet.header import Header
    from gateway.packet.identity import Identity
    from gateway.packet.plain import Plain
    from gateway.spool.layout import Job


class Arrival:
    """An opened job: header and plain header are authentic, the payload is still to be drained."""

    def __init__(self, job: Job, sender: Neighbour, opened: Opened) -> None:
        self.job = job
        self.sender = sender
        self._opened = opened

    @property
    def header(self) -> Header:
        """The packet's own header, whose signature holds."""
        return self._opened.header

    @property
    def plain(self) -> Plain:
        """The plain packet's header."""
        return self._opened.plain

    def payload(self, max_size: int | None = None) -> Iterator[bytes]:
        """Yield the payload; it counts only when the iterator ends without raising.

        Raises:
            BadPacket: the job must be held; anything up to the last byte of the file, or its
                name, is wrong, or the payload is larger than `max_size` [bytes].
        """
        size = 0
        for chunk in self._opened.payload():
            size += len(chunk)
            if max_size is not None and size > max_size:
                msg = f"payload is larger than the {max_size} bytes accepted from {self.sender.name}"
                raise OverLimit(msg)
            yield chunk
        if self._opened.name != self.job.name:
            msg = f"the name is not the hash of the content, which is {self._opened.name}"
            raise WrongName(msg)

    def drain(self, sink: Callable[[bytes], object] | None = None, max_size: int | None = None) -> None:
        """Read the payload to its end, into `sink` where there is one; raises as `payload` does."""
        for chunk in self.payload(max_size):
            if sink is not None:
                sink(chunk)

    def unpack(self, body: IO[bytes], at_most: int | None = None) -> None:
        """Write the whole exec body, decrypted, checked and within the sender's limit, and rewind.

        `at_most` [bytes] is a lower limit.

        Raises:
            BadPacket: the job must be held; what was written is void.
        """
        limit = self.sender.accept.max_size
        if at_most is not None:
            limit = min(limit, at_most)
        if self.plain.type == PacketType.EXEC:
            for chunk in decompress(self.payload(), max_size=limit):
                body.write(chunk)
        else:
            self.drain(body.write, limit)
        body.flush()
        body.seek(0)


def arrive(job: Job, file: IO[bytes], config: Config, identity: Identity) -> Arrival:
    """Open a job as far as its plain header; the sender is the one that signed it.

    Raises:
        BadPacket: the job must be held.
    """

    def signpub_of(node_id: bytes) -> bytes | None:
        found = config.by_id(node_id)
        return found.signpub if found else None

    opened = open_packet(file, identity=identity, signpub_of=signpub_of)
    sender = config.by_id(opened.header.sender)
    assert sender is not None, "open_packet refuses unknown senders"
    return Arrival(job, sender, opened)


def reason(failure: BadPacket) -> str:
    """Return the words a held job keeps."""
    return f"{failure.code}: {failure}"
