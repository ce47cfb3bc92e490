"""Directory exchange: packets by USB stick, shared folder, anything that can be mounted.

``DIR/<RECIPIENT ID>/<SENDER ID>/<NAME>``, as NNCP's nncp-xfer has it, SENDER being the node
that copied the packet there. Both sides keep a packet until the other's copy is on the
disk: a crash in between leaves two copies and loses none, and the second is recognised by
its name, which is the hash of its content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from gateway.errors import BadPacket, LockBusy, SpoolError, UnknownJob
from gateway.mta import Event, EventKind
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import encode
from gateway.packet.mth import MerkleTree
from gateway.spool.layout import is_name
from gateway.spool.medium import Folder, read_chunks

if TYPE_CHECKING:
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

RESERVE = 4 * 1024 * 1024
"""[bytes] Left free in the spool when receiving, so that what arrived can also be worked through."""
CHUNK = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What an exchange did: packets counted, and what a person should know.

    `known` counts arrivals that had been here before, `present` departures that lay on the
    medium already. `failures` want a person; `postponed` will mend itself; `notes` are
    neither.
    """

    received: int = 0
    known: int = 0
    sent: int = 0
    present: int = 0
    bytes: int = 0
    failures: tuple[str, ...] = ()
    postponed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def exchange(
    spool: Spool,
    directory: str,
    own_id: bytes,
    neighbours: Mapping[str, bytes],
    *,
    receive: bool = True,
    send: bool = True,
    max_niceness: int = 255,
    keep: bool = False,
    mkdir: bool = False,
    report: Callable[[Event], None] = lambda _: None,
) -> Exchanged:
    """Take what lies in the directory for us, then put there what we have for the neighbours.

    `neighbours` maps names to ids: whoever is not in it is neither read nor written. Packets
    of a higher niceness number than `max_niceness` stay where they are. `keep` leaves the
    originals on both sides. `mkdir` makes the directory of a neighbour that has none, if
    there is something for it. `report` gets an event for every packet once it is safe.

    Raises:
        SpoolError: temporary; the directory cannot be opened. Whatever goes wrong with a
            single packet or neighbour is in the answer instead.
    """
    try:
        medium = Folder(directory)
    except OSError as failure:
        msg = f"{directory}: {failure.strerror}: is it mounted?"
        raise SpoolError(msg) from failure
    with medium:
        work = _Exchange(
            spool=spool,
            medium=medium,
            own=encode(own_id),
            max_niceness=max_niceness,
            keep=keep,
            report=report,
        )
        names = {encode(node_id): name for name, node_id in sorted(neighbours.items(), key=_self_first)}
        if receive:
            work.receive(names)
        if send:
            for node, name in sorted(names.items(), key=lambda item: item[1]):
                work.send(node, name, mkdir=mkdir)
    return work.result()


def _self_first(item: tuple[str, bytes]) -> tuple[bool, str]:
    return item[0] != "self", item[0]


class _NotIntact(Exception):
    """The content does not hash to the name."""


class _Exchange:
    """One run over one medium, and what is to be said of it at the end."""

    def __init__(
        self,
        *,
        spool: Spool,
        medium: Folder,
        own: str,
        max_niceness: int,
        keep: bool,
        report: Callable[[Event], None],
    ) -> None:
        self._spool = spool
        self._medium = medium
        self._own = own
        self._max_niceness = max_niceness
        self._keep = keep
        self._report = report
        self._received = self._known = self._sent = self._present = self._bytes = 0
        self._failures: list[str] = []
        self._postponed: list[str] = []
        self._notes: list[str] = []

    def result(self) -> Exchanged:
        """Return the counts and texts so far."""
        return Exchanged(
            received=self._received,
            known=self._known,
            sent=self._sent,
            present=self._present,
            bytes=self._bytes,
            failures=tuple(self._failures),
            postponed=tuple(self._postponed),
            notes=tuple(self._notes),
        )

    # Receiving

    def receive(self, names: Mapping[str, str]) -> None:
        """Take everything that the given nodes (id text to name) have put there for us."""
        try:
            inbox = self._medium.folder(self._own)
            if inbox is None:
                return
            with inbox:
                for node in inbox.names():
                    if node in names:
                        self._receive_from(inbox, node, names[node])
        except OSError as failure:
            self._fail(os.path.join(self._medium.path, self._own), failure)
        except SpoolError as failure:
            # A spool that takes nothing may still give, and giving makes room.
            self._postponed.append(str(failure))

    def _receive_from(self, inbox: Folder, node: str, name: str) -> None:
        try:
            source = inbox.folder(node)
            if source is None:
                return
            with source:
                for packet in self._by_niceness(source):
                    self._receive_packet(source, packet, node, name)
                if not self._keep:
                    source.sync()
        except OSError as failure:
            self._fail(os.path.join(inbox.path, node), failure)

    def _by_niceness(self, source: Folder) -> list[str]:
        """Return the packets within the wanted niceness, the most urgent first."""
        found = []
        for packet in filter(is_name, source.names()):
            try:
                with source.open(packet) as file:
                    header = Header.decode(_read(file, HEADER_SIZE))
            except FileNotFoundError:
                continue
            except OSError as failure:
                self._fail(os.path.join(source.path, packet), failure)
            except BadPacket as failure:
                self._failures.append(f"{source.path}/{packet}: {failure}: left where it is")
            else:
                if header.niceness <= self._max_niceness:
                    found.append((header.niceness, packet))
        return [packet for _, packet in sorted(found)]

    def _receive_packet(self, source: Folder, packet: str, node: str, name: str) -> None:
        path = os.path.join(source.path, packet)
        try:
            known = self._spool.known(packet)
            if known is None:
                if not self._take(source, packet, path, node, name):
                    return
            else:
                self._known += 1
                self._tell(EventKind.RECEIVED, packet, name, known=known)
            if not self._keep:
                source.remove(packet)
        except FileNotFoundError:
            return
        except _NotIntact:
            self._failures.append(f"{path}: content and name disagree (copied in part?): left where it is")
        except BadPacket as failure:
            self._failures.append(f"{path}: {failure}: left where it is")
        except OSError as failure:
            self._fail(path, failure)

    def _take(self, source: Folder, packet: str, path: str, node: str, name: str) -> bool:
        """Copy one packet into ``rx``; False if there is no room for it now."""
        with source.open(packet) as file:
            size = os.fstat(file.fileno()).st_size
            header = _read(file, HEADER_SIZE)
            niceness = Header.decode(header).niceness
            with self._spool.stage() as staged:
                if size + RESERVE > self._spool.free():
                    self._postponed.append(f"{path}: no room in the spool for {size} bytes")
                    return False
                staged.write(header)
                tree = MerkleTree()
                tree.update(header)
                for chunk in _up_to(file, size - len(header)):
                    tree.update(chunk)
                    staged.write(chunk)
                if tree.name() != packet:
                    raise _NotIntact
                staged.complete()
                self._spool.commit(staged, node, "rx", packet, alias=name)
        self._received += 1
        self._bytes += size
        self._tell(EventKind.RECEIVED, packet, name, niceness=niceness, size=size)
        return True

    # Sending

    def send(self, node: str, name: str, *, mkdir: bool) -> None:
        """Put there everything that waits for one node."""
        if next(iter(self._spool.jobs(node, "tx")), None) is None:
            return
        try:
            with self._spool.lock(node, "tx"):
                self._send_all(node, name, mkdir=mkdir)
        except LockBusy:
            self._postponed.append(f"{name}: another process is sending to it: skipped")
        except SpoolError as failure:
            self._failures.append(f"{name}: {failure}")
        except OSError as failure:
            self._fail(os.path.join(self._medium.path, node), failure)

    def _send_all(self, node: str, name: str, *, mkdir: bool) -> None:
        jobs = [job for _, _, job in sorted(self._wanted(node))]
        if not jobs:
            return
        above = self._medium.folder(node, create=mkdir)
        if above is None:
            where = f"{self._medium.path} has no directory {node}"
            self._notes.append(f"{name}: {len(jobs)} waiting, but {where} (--mkdir makes it)")
            return
        with above:
            target = above.folder(self._own, create=True)
            assert target is not None
            with target:
                target.sweep()  # Under the lock, an unfinished copy of ours is a dead one.
                for job in jobs:
                    self._send_packet(target, job, name)

    def _wanted(self, node: str) -> Iterator[tuple[int, float, Job]]:
        for job in self._spool.jobs(node, "tx"):
            try:
                niceness = Header.decode(self._spool.header(job)).niceness
            except UnknownJob:
                continue
            except (BadPacket, SpoolError) as failure:
                self._failures.append(f"tx of {node}: {job.name}: {failure}: left where it is")
                continue
            if niceness <= self._max_niceness:
                yield niceness, job.mtime, job

    def _send_packet(self, target: Folder, job: Job, name: str) -> None:
        path = os.path.join(target.path, job.name)
        try:
            with self._spool.open(job) as file:
                niceness = Header.decode(file.read(HEADER_SIZE)).niceness
                file.seek(0)
                if _is_intact(target, job.name):
                    target.settle(job.name)
                    self._present += 1
                elif job.size > target.free():
                    self._postponed.append(f"{path}: no room for {job.size} bytes: still queued for {name}")
                    return
                else:
                    target.put(job.name, _checked(file, job.name))
                    self._sent += 1
                    self._bytes += job.size
                    self._tell(EventKind.SENT, job.name, name, niceness=niceness, size=job.size)
            if not self._keep:
                self._spool.drop_sent(job.node, job.name)
        except UnknownJob:
            return
        except _NotIntact:
            self._failures.append(f"tx of {name}: {job.name}: damaged on our disk: left where it is")
        except (SpoolError, BadPacket) as failure:
            self._failures.append(f"tx of {name}: {job.name}: {failure}")
        except OSError as failure:
            self._fail(path, failure)

    def _tell(
        self, kind: EventKind, packet: str, name: str, *, niceness: int = 0, size: int = 0, **more: object
    ) -> None:
        detail = {"link": "xfer", "path": self._medium.path, **more}
        self._report(Event(kind, packet, name, niceness, size, detail=detail))

    def _fail(self, path: str, failure: OSError) -> None:
        self._failures.append(f"{path}: {failure.strerror}")


def _read(file: BinaryIO, size: int) -> bytes:
    """Read so much, or what there is: an unbuffered file may give less at a time."""
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _up_to(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield at most `size` bytes: a file that grows meanwhile must not fill our disk."""
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _checked(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield a packet's content, and raise after its last byte if it is not what its name says."""
    tree = MerkleTree()
    for chunk in read_chunks(file, CHUNK):
        tree.update(chunk)
        yield chunk
    if tree.name() != name:
        raise _NotIntact


def _is_intact(target: Folder, name: str) -> bool:
    """Whether the medium holds that packet, whole."""
    try:
        with target.open(name) as file:
            for _ in _checked(file, name):
                pass
    except (OSError, _NotIntact):
        return False
    return True
