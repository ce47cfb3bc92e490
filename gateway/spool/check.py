"""Check a spool against docs/spool.md: names against contents, and every state against its table.

Nothing is written, and no lock is taken: what others are at work on meanwhile is looked at twice
before it counts. The `mend` of a flaw writes, under the lock of the neighbour.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import BadPacket, SpoolError, UnknownJob
from gateway.packet import failures
from gateway.packet.mth import MerkleTree
from gateway.spool import access, delayed, mend
from gateway.spool.clock import unset
from gateway.spool.flaw import Flaw
from gateway.spool.layout import BOXES, HEADER_SIZE, REMEMBERED
from gateway.spool.recover import is_ours, nobody_has
from gateway.spool.refusal import refusals
from gateway.spool.snapshot import Snapshot, directories, entries

if TYPE_CHECKING:
    from gateway.spool.layout import Box, Job
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool

SETTLED = 60.0
"""[s] Whatever is younger may be in the making."""
LONG = 7 * 86400.0
"""[s] A packet that was received in part and not gone on with for so long."""
_READ = 1 << 20
_DAMAGED = {
    mend.DAMAGED.partition(":")[0],
    *(
        kind.code
        for kind in (
            failures.NotAPacket,
            failures.BadSignature,
            failures.Corrupt,
            failures.BadSize,
            failures.BadPadding,
            failures.TrailingBytes,
            failures.WrongName,
        )
    ),
}
"""The first words of reasons that say already that a packet is not what it was."""


class Check:
    """One check of one spool; `now` in unix seconds.

    `own` is our id as text, to tell what was on its way out. `keep` is how long a packet in the
    trash that nobody gave an expiry is to stay [s].
    """

    def __init__(self, spool: Spool, now: float, *, own: str = "", keep: float) -> None:
        self._spool = spool
        self._now = now
        self._own = own
        self._keep = keep
        self._owner = access.owner_of(spool.root)
        self._nodes: list[Snapshot] = []
        self._unread: list[Flaw] = []
        for node in spool.nodes():
            try:
                self._nodes.append(Snapshot(spool, node))
            except SpoolError as failure:
                self._unread.append(Flaw("unreadable", node, str(failure), _READABLE))
                for path in directories(spool, node):
                    self._unread += access.of_directory(path, self._owner, self._below(path))

    @property
    def size(self) -> int:
        """The packets' contents that are there to be read [bytes]."""
        return sum(node.size for node in self._nodes)

    def flaws(
        self, *, contents: bool = True, advance: Callable[[int], object] = lambda _: None
    ) -> Iterator[Flaw]:
        """Yield what is wrong; with `contents` every packet is read, and `advance` told of the bytes.

        Raises:
            SpoolError: temporary; the spool cannot be read.
        """
        yield from self._unread
        yield from self._temporary()
        for node in self._nodes:
            yield from self._access(node)
            yield from self._strange(node)
            yield from self._records(node)
            yield from self._answers(node)
            yield from self._held(node)
            yield from self._trash(node)
            yield from self._twice(node)
            yield from self._headers(node)
            for job in [job for box in BOXES for job in node.jobs[box].values()] if contents else ():
                yield from self._content(job)
                advance(job.size)

    def _below(self, path: str) -> str:
        return os.path.relpath(path, self._spool.root)

    def _old(self, mtime: float, age: float = SETTLED) -> bool:
        return self._now - mtime > age

    def _temporary(self) -> Iterator[Flaw]:
        for entry in entries(self._spool.paths.tmp):
            if not entry.is_file or not self._old(entry.found.st_mtime):
                continue
            if is_ours(entry.name):
                if nobody_has(entry.path):
                    text = "never finished; its process is gone, and the mail is with whoever handed it in"
                    yield Flaw("unfinished", self._below(entry.path), text, mend=self._spool.recover)
            elif self._old(entry.found.st_mtime, LONG):
                text = "never finished, and not ours"
                yield Flaw("unfinished", self._below(entry.path), text, "nncp-rm -tmp -older 7d")

    def _access(self, node: Snapshot) -> Iterator[Flaw]:
        for path in node.directories:
            yield from access.of_directory(path, self._owner, self._below(path))
        for entry in node.files:
            yield from access.of_file(entry, self._owner, self._below(entry.path))

    def _strange(self, node: Snapshot) -> Iterator[Flaw]:
        for entry in node.strange:
            text = "no packet, record or mark: nothing that the gateway or NNCP puts there, or ever looks at"
            yield Flaw("stranger", self._below(entry.path), text, "look at it, and move it away")
        for entry in node.parts:
            if self._old(entry.found.st_mtime, LONG):
                text = "received in part, and no session has gone on with it for a week"
                yield Flaw("part", self._below(entry.path), text, "gateway call goes on with it")

    def _records(self, node: Snapshot) -> Iterator[Flaw]:
        for box in REMEMBERED:
            for name, entry in node.records[box].items():
                where = self._below(entry.path)
                if name not in node.jobs[box]:
                    if self._old(entry.found.st_mtime) and self._spool.job(node.node, box, name) is None:
                        text = "remembers a job that is not here any more"
                        action = partial(mend.drop_record, self._spool, node.node, box, name)
                        yield Flaw("record", where, text, mend=action)
                elif (record := self._recorded(node.jobs[box][name])) and "unreadable" in record.extra:
                    text = f"{record.reason}; the job waits for you, as what was delivered of it is unknown"
                    advice = f"gateway queue show {name}; then release it (anew) or remove it"
                    yield Flaw("record-unreadable", where, text, advice)

    def _answers(self, node: Snapshot) -> Iterator[Flaw]:
        for name, entry in node.answers.items():
            if self._old(entry.found.st_mtime) and self._spool.job(node.node, "work", name) is None:
                text = "a report about a packet that went elsewhere: to be sent if its record says so"
                action = partial(mend.settle_answer, self._spool, node.node, name)
                yield Flaw("answer", self._below(entry.path), text, mend=action)

        aside = any(self._old(entry.found.st_mtime) for entry in node.reports)
        if aside and delayed.unsettled(self._spool, node.node):
            text = "reports about packets that wait in tx: to be sent if it is remembered that they are"
            action = partial(mend.settle_reports, self._spool, node.node)
            yield Flaw("answer", self._below(self._spool.paths.delay_reports(node.node)), text, mend=action)

    def _recorded(self, job: Job) -> JobRecord | None:
        try:
            return self._spool.recorded(job)
        except SpoolError:
            return None  # `_access` has a word about it.

    def _held(self, node: Snapshot) -> Iterator[Flaw]:
        for name, job in node.jobs["hold"].items():
            where = f"{node.node}/hold/{name}"
            record = self._recorded(job)
            if record is None or not record.reason:
                text = "held, and nobody knows why"
                action = partial(mend.give_reason, self._spool, job, outbound=self._outbound(job))
                yield Flaw("reason", where, text, mend=action)
            if name in node.marks and not (record and record.origin == "tx"):
                text = "held, and marked as seen: it was delivered or removed; released it would be dropped"
                yield Flaw("marked", where, text, f"gateway queue remove {name}")

    def _outbound(self, job: Job) -> bool:
        """Whether a packet is addressed to the neighbour under whom it lies, rather than to us."""
        try:
            header = self._spool.header(job)
            from gateway.packet.header import Header  # noqa: PLC0415 - only for what is damaged
            from gateway.packet.identity import encode  # noqa: PLC0415 - same

            recipient = encode(Header.decode(header).recipient)
        except (SpoolError, BadPacket):
            return False
        return recipient == job.node != self._own

    def _trash(self, node: Snapshot) -> Iterator[Flaw]:
        for name, job in node.jobs["trash"].items():
            where = f"{node.node}/trash/{name}"
            record = self._recorded(job)
            if record is None or not record.expires or unset(record.expires, self._now):
                text = "removed, and nobody knows when it expires"
                action = partial(mend.give_expiry, self._spool, job, self._now + self._keep)
                yield Flaw("expiry", where, text, mend=action)
            elif record.expires <= self._now:
                action = partial(mend.drop_expired, self._spool, job, self._now)
                yield Flaw("expired", where, f"removed ({record.reason}), and expired", mend=action)
            outbound = record.origin == "tx" if record else self._outbound(job)
            if not outbound and name not in node.marks:
                text = "removed, but not marked as seen: it would be delivered if it came again"
                yield Flaw("unmarked", where, text, mend=partial(mend.mark, self._spool, job))

    def _twice(self, node: Snapshot) -> Iterator[Flaw]:
        pairs: tuple[tuple[Box, Box], ...] = (("work", "hold"), ("tx", "hold"))
        for one, other in pairs:
            for name in node.jobs[one].keys() & node.jobs[other].keys():
                where = f"{node.node}/{other}/{name}"
                places = [self._spool.job(node.node, box, name) for box in (one, other)]
                if all(places):
                    text = f"the same packet lies in {one} as well"
                    advice = f"compare the records; then gateway queue remove --state held {name}"
                    yield Flaw("twice", where, text, advice if one == "tx" else _SAME_WORK.format(name))

    def _headers(self, node: Snapshot) -> Iterator[Flaw]:
        boxes: tuple[Box, ...] = ("rx", "tx")
        for box in boxes:
            for name, entry in node.headers[box].items():
                if not self._old(entry.found.st_mtime):
                    continue
                job = node.jobs[box].get(name)
                if job is None and self._spool.job(node.node, box, name) is None:
                    text = "copy of the header of a packet that is not here any more"
                elif job is not None and not self._agree(entry.path, job):
                    text = "disagrees with the packet's own header; NNCP's tools would believe this copy"
                else:
                    continue
                action = partial(mend.drop_header, self._spool, node.node, box, name)
                yield Flaw("hdr", self._below(entry.path), text, mend=action)

    def _agree(self, path: str, job: Job) -> bool:
        try:
            header = self._spool.header(job)
        except SpoolError:  # gone, or unreadable, which is a flaw of its own
            return True
        try:
            with refusals(path), open(path, "rb", buffering=0) as file:
                return file.read(HEADER_SIZE + 1) == header
        except SpoolError:
            return False

    def _content(self, job: Job) -> Iterator[Flaw]:
        where = f"{job.node}/{job.box}/{job.name}"
        try:
            if self._name_of(job) == job.name:
                return
        except UnknownJob:
            return
        except SpoolError as failure:
            yield Flaw("unreadable", where, str(failure), _READABLE)
            return
        text = "the content does not hash to the name: it is damaged, and nobody would take it"
        if job.box not in ("hold", "trash"):
            yield Flaw("name", where, text, mend=partial(mend.hold_damaged, self._spool, job))
            return
        record = self._recorded(job)
        if record is None or record.reason.partition(":")[0] not in _DAMAGED:
            yield Flaw("name", where, text, f"ask for it anew; gateway queue remove {job.name}")

    def _name_of(self, job: Job) -> str:
        tree = MerkleTree()
        with self._spool.open(job) as file, refusals(job.name):
            while chunk := file.read(_READ):
                tree.update(chunk)
        return tree.name()


_READABLE = "make it readable for the owner of the spool"
_SAME_WORK = "compare the records of {0}: what the MTA took is in one of them; then remove it from one place"
