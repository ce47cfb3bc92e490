"""The spool: packets staged, committed, listed, taken up, finished, held.

States of a submission: S1 `stage`, S2 `Staged.complete`, S3 `commit`. States of a job: T1
``rx/NAME``, T3 `begin`, T4 `record`, T5 and T6 `mark.finish`. docs/spool.md has the tables.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from gateway.errors import SpoolError, UnknownJob
from gateway.spool import durable, listing
from gateway.spool.layout import BOXES, HEADER_SIZE, REMEMBERED, Job, Layout, is_alias, is_name
from gateway.spool.refusal import refusals
from gateway.spool.staged import Staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Literal

    from gateway.spool.incoming import Incoming
    from gateway.spool.layout import Box, LockName
    from gateway.spool.record import JobRecord


class Spool:
    """One spool directory, shared with NNCP's programs if they are there.

    Making one touches nothing on disk. Ids and names are base32 texts of 52 characters. Every
    method raises SpoolError, which is temporary, when the system refuses something.
    """

    def __init__(self, root: str, *, umask: int | None = None, nohdr: bool = False) -> None:
        self.root = os.path.abspath(root)
        self.paths = Layout(self.root)
        self.umask = umask
        self._nohdr = nohdr
        self._sync: Callable[[str], None] | None = None

    def sharing(self) -> Spool:
        """Return the same spool for many threads, whose commits share the syncs of directories."""
        from gateway.spool.shared_sync import SharedSync  # noqa: PLC0415 - threads are for residents

        spool = Spool(self.root, umask=self.umask, nohdr=self._nohdr)
        spool._sync = SharedSync()
        return spool

    # Writing

    def stage(self) -> Staged:
        """Start a file in ``tmp/`` (S1)."""
        return Staged(self.paths.tmp, floor=self.root, umask=self.umask)

    def commit(
        self, staged: Staged, node: str, box: Literal["tx", "rx"], name: str, *, alias: str | None = None
    ) -> None:
        """Move a complete file into a box and sync it there (S2 to S3): responsibility passes here.

        A packet of that name is replaced: the same name means the same bytes. `alias`, the
        node's configured name, makes NNCP's convenience symlink. The header copy for NNCP's
        listings is made from the packet itself. Neither may fail a commit.

        Ending signals wait meanwhile. To commit several packets as one unit, wrap them in
        `durable.uninterrupted`.
        """
        if not staged.completed:
            msg = "a packet must be complete, and synced, before it is committed"
            raise RuntimeError(msg)
        target = self.paths.packet(node, box, name)
        header = b""
        with durable.uninterrupted():
            if not self._nohdr:
                with suppress(OSError):
                    header = os.pread(staged.fileno(), HEADER_SIZE, 0)
            staged.place(target, sync=self._sync)
            if alias is not None and is_alias(alias):
                with suppress(OSError):
                    os.symlink(self.paths.node(node), self.paths.alias(alias))
            if len(header) == HEADER_SIZE:
                with suppress(SpoolError):
                    self._put(self.paths.header(node, box, name), header, synced=False)

    def scratch(self, size_hint: int = 0, *, at_most: int | None = None) -> BinaryIO:
        """Return an anonymous file for a decrypted body; see `gateway.spool.scratch`."""
        from gateway.spool.scratch import scratch  # noqa: PLC0415 - not on the submission path

        return scratch(
            self.paths.tmp, floor=self.root, size_hint=size_hint, at_most=at_most, umask=self.umask
        )

    def recover(self) -> int:
        """Unlink temporary files of ours whose process is gone, and nothing else; return how many."""
        from gateway.spool.recover import recover  # noqa: PLC0415 - not on the submission path

        return recover(self.paths.tmp)

    # Reading: never changes anything

    def nodes(self) -> list[str]:
        """Return the ids that have a directory, sorted; a spool that is not there has none."""
        with refusals(self.root):
            try:
                with os.scandir(self.root) as entries:
                    return sorted(
                        e.name for e in entries if is_name(e.name) and e.is_dir(follow_symlinks=False)
                    )
            except FileNotFoundError:
                return []

    def jobs(self, node: str, box: Box) -> Iterator[Job]:
        """Yield the packets in a box, in no order; what is not a packet's file is passed over."""
        return listing.jobs(self.paths.box(node, box), node, box)

    def headers(self, node: str, box: Box) -> Iterator[tuple[Job, bytes]]:
        """Yield the same with the first 172 bytes of each: for many, faster than `header` for each.

        What cannot be read has none.
        """
        return listing.headers(self.paths.box(node, box), node, box)

    def find(self, name: str) -> list[Job]:
        """Return every place where a packet lies."""
        return [job for node in self.nodes() for box in BOXES if (job := self.job(node, box, name))]

    def job(self, node: str, box: Box, name: str) -> Job | None:
        """Return the packet if it is in that box."""
        path = self.paths.packet(node, box, name)
        with refusals(path):
            try:
                found = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Job(node, box, name, found.st_size, found.st_mtime) if stat.S_ISREG(found.st_mode) else None

    def open(self, job: Job) -> BinaryIO:
        """Open a packet for reading.

        Raises:
            UnknownJob: temporary; it went away.
        """
        return os.fdopen(self._open(job), "rb", buffering=0)

    def read(self, job: Job) -> bytes:
        """Return the whole of a small packet, as long as it was when it was listed.

        Raises:
            UnknownJob: temporary; it went away.
        """
        fd = self._open(job)
        try:
            with refusals(self.path(job)):
                return os.pread(fd, job.size, 0)
        finally:
            os.close(fd)

    def header(self, job: Job) -> bytes:
        """Return the first 172 bytes, or fewer if there are fewer, of the packet itself.

        NNCP's copies in ``hdr/`` can be forged by whoever may write there; they are never read.

        Raises:
            UnknownJob: temporary; it went away.
        """
        fd = self._open(job)
        try:
            with refusals(self.path(job)):
                return os.pread(fd, HEADER_SIZE, 0)
        finally:
            os.close(fd)

    def recorded(self, job: Job) -> JobRecord | None:
        """Return what is remembered of a job, or None; an unreadable file's reason says so."""
        from gateway.spool.record import JobRecord  # noqa: PLC0415 - not on the submission path

        path = self.paths.record(job.node, job.box, job.name)
        try:
            file = os.fdopen(durable.open_regular(path), "rb")
        except FileNotFoundError:
            return None
        with refusals(path), file:
            return JobRecord.from_json(file.read())

    def known(self, name: str, nodes: Iterable[str] | None = None) -> Literal["seen", "work", "hold"] | None:
        """Say whether a packet was delivered, is being delivered or is held, under any neighbour.

        `nodes` saves listing them once more. A packet that an operator holds on its way out is
        held as well.
        """
        found: Literal["work", "hold"] | None = None
        for node in self.nodes() if nodes is None else nodes:
            if durable.exists(self.paths.seen(node, name)):
                return "seen"
            if found is None and durable.exists(self.paths.packet(node, "work", name)):
                found = "work"
            if found is None and durable.exists(self.paths.packet(node, "hold", name)):
                found = "hold"
        return found

    def free(self) -> int:
        """Return the space that we may still use [bytes]."""
        with refusals(self.root):
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def lock(self, node: str, which: LockName) -> AbstractContextManager[None]:
        """Return a context manager that holds one of NNCP's locks.

        Raises:
            LockBusy: temporary; on entering.
        """
        from gateway.spool.lock import locked  # noqa: PLC0415 - not on the submission path

        durable.make_directories(self.paths.box(node, "rx"), floor=self.root, umask=self.umask)
        return locked(self.paths.lock(node, which), umask=self.umask)

    # Online sessions, under the locks of the neighbour

    def incoming(self, node: str, name: str, size: int) -> Incoming:
        """Return a packet of that size [bytes] on its way in; what of it is there stays there."""
        from gateway.spool.incoming import Incoming  # noqa: PLC0415 - not on the submission path

        return Incoming(self.paths.packet(node, "rx", name), name, size, floor=self.root, umask=self.umask)

    def arrive(self, node: str, packets: Sequence[Incoming], *, alias: str | None = None) -> None:
        """Sync received packets, put them into ``rx``, and sync that once.

        Without packets it makes durable what lies there already. `alias` as in `commit`. Header
        copies are not made here, where they would cost a quarter of the time: NNCP's programs
        make them when they want them.

        Raises:
            SpoolError: temporary; nothing may be confirmed.
        """
        from gateway.spool.incoming import settle  # noqa: PLC0415 - not on the submission path

        settle(packets)
        with durable.uninterrupted():
            for packet in packets:
                packet.place()
            durable.sync_directory(self.paths.box(node, "rx"))
        if packets and alias is not None and is_alias(alias):
            with suppress(OSError):
                os.symlink(self.paths.node(node), self.paths.alias(alias))

    def changed(self, node: str, box: Box) -> int:
        """Return when a name last came into a box or left it [ns]; 0 if there is no such box."""
        path = self.paths.box(node, box)
        with refusals(path):
            try:
                return os.stat(path).st_mtime_ns
            except FileNotFoundError:
                return 0

    # The life of a job

    def begin(self, job: Job) -> Job:
        """Take up a job before its first byte is handed over: ``rx`` to ``work`` (T3).

        The rename is not synced here, but before the job is forgotten: a power cut that
        undoes it can only repeat a job that had no mark yet, as without the rename.
        """
        return self.move(job, "work", synced=False)

    def put_back(self, job: Job) -> Job:
        """Undo `begin` before any byte was handed over: ``work`` to ``rx``."""
        return self.move(job, "rx")

    def record(self, job: Job, record: JobRecord) -> None:
        """Remember a job's progress, durably (T4)."""
        self._put(self.paths.record(job.node, job.box, job.name), record.to_json(), synced=True)

    def hold(self, job: Job, reason: str, record: JobRecord | None = None) -> Job:
        """Set a job aside for a person, from any box; its reason is on disk before it is there.

        Raises:
            UnknownJob: temporary; it went away.
        """
        from gateway.spool.record import JobRecord  # noqa: PLC0415 - not on the submission path

        before = record or self.recorded(job) or JobRecord()
        if job.box == "hold":
            self.record(job, before.held(reason, before.origin))
            return job
        self.record(job._replace(box="hold"), before.held(reason, job.box))
        held = self.move(job, "hold")
        self.forget_record(job)
        return held

    def release(self, job: Job) -> Job:
        """Let a held job go on, due at once; an outbound one goes back to ``tx``.

        Raises:
            UnknownJob: temporary; it is not held.
        """
        from gateway.spool.record import JobRecord  # noqa: PLC0415 - not on the submission path

        if job.box != "hold":
            raise self.unknown(job._replace(box="hold"))
        before = self.recorded(job) or JobRecord()
        box: Box = "tx" if before.origin == "tx" else "work"
        if box == "work":
            self.record(job._replace(box=box), before.released(time.time()))
        released = self.move(job, box)
        self.forget_record(job)
        return released

    def drop_sent(self, node: str, name: str) -> bool:
        """Remove a packet from ``tx`` after a link moved it; say whether it was there."""
        there = durable.unlink(self.paths.packet(node, "tx", name))
        durable.unlink(self.paths.header(node, "tx", name))
        return there

    # What the nouns beside this one are made of: marks, the trash, answers, adoption

    def move(self, job: Job, box: Box, *, synced: bool = True) -> Job:
        """Move a job into another box; what is remembered of it stays where it was.

        Raises:
            UnknownJob: temporary; it went away.
        """
        try:
            durable.move(
                self.path(job),
                self.paths.packet(job.node, box, job.name),
                floor=self.root,
                umask=self.umask,
                synced=synced,
            )
        except FileNotFoundError as error:
            raise self.unknown(job) from error
        self._drop_header(job)
        return job._replace(box=box)

    def forget(self, job: Job) -> None:
        """Remove a job and what is remembered of it."""
        durable.unlink(self.path(job))
        if job.box in REMEMBERED:
            self.forget_record(job)
        self._drop_header(job)

    def forget_record(self, job: Job) -> None:
        """Remove what is remembered of a job."""
        durable.unlink(self.paths.record(job.node, job.box, job.name))

    def path(self, job: Job) -> str:
        """Return the path of a job's packet."""
        return self.paths.packet(job.node, job.box, job.name)

    @staticmethod
    def unknown(job: Job) -> UnknownJob:
        """Return the failure that a job is not where it was."""
        return UnknownJob(f"{job.name} is not in {job.box} of {job.node} (any more)")

    def _drop_header(self, job: Job) -> None:
        if job.box in ("rx", "tx"):
            with suppress(SpoolError):
                durable.unlink(self.paths.header(job.node, job.box, job.name))

    def _put(self, path: str, content: bytes, *, synced: bool) -> None:
        """Write a small file whole or not at all."""
        with self.stage() as staged:
            staged.write(content)
            if synced:
                staged.complete()
            staged.place(path, synced=synced)

    def _open(self, job: Job) -> int:
        try:
            return durable.open_regular(self.path(job))
        except FileNotFoundError as error:
            raise self.unknown(job) from error
