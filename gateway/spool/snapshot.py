"""What lies in a neighbour's directory at one moment, read in one go and written nowhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from gateway.spool.layout import BOXES, Job, is_name
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool

RECORD = ".json"
ANSWER = ".answer"


class Listed(NamedTuple):
    """A name in a directory, and what lstat says of it."""

    path: str
    name: str
    found: os.stat_result

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.found.st_mode)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, and no symlink to one."""
        return stat.S_ISDIR(self.found.st_mode)


def entries(directory: str) -> Iterator[Listed]:
    """Yield what is in a directory; nothing if there is none.

    Raises:
        SpoolError: temporary.
    """
    with refusals(directory):
        try:
            scanned = os.scandir(directory)
        except FileNotFoundError:
            return
        with scanned:
            for entry in scanned:
                try:
                    yield Listed(entry.path, entry.name, entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue


def directories(spool: Spool, node: str) -> list[str]:
    """Return the directories that a neighbour can have."""
    boxes = [spool.paths.box(node, box) for box in BOXES]
    return [spool.paths.node(node), *boxes, f"{boxes[0]}/seen", f"{boxes[0]}/hdr", f"{boxes[1]}/hdr"]


class Snapshot:
    """One neighbour's directory: the packets of each box, the records, the marks, the rest.

    Raises:
        SpoolError: temporary; a directory that cannot be read.
    """

    def __init__(self, spool: Spool, node: str) -> None:
        self.node = node
        self.directories: list[str] = [spool.paths.node(node)]
        self.jobs: dict[Box, dict[str, Job]] = {box: {} for box in BOXES}
        self.records: dict[Box, dict[str, Listed]] = {box: {} for box in BOXES}
        self.headers: dict[Box, dict[str, Listed]] = {box: {} for box in BOXES}
        self.marks: dict[str, Listed] = {}
        self.files: list[Listed] = []
        self.strange: list[Listed] = []
        """What nobody who knows the spool has put there."""
        self.parts: list[Listed] = []
        """Packets that an online session has begun to receive."""
        self.answers: dict[str, Listed] = {}
        """Reports that are about to go out, by the packet that they are about."""
        self.reports = [entry for entry in entries(spool.paths.delay_reports(node)) if is_name(entry.name)]
        """Reports to senders of what waits in ``tx`` for too long, not on their way yet."""
        for box in BOXES:
            self._read_box(spool.paths.box(node, box), box)

    @property
    def size(self) -> int:
        """Of all packets [bytes]."""
        return sum(job.size for jobs in self.jobs.values() for job in jobs.values())

    def _read_box(self, path: str, box: Box) -> None:
        if os.path.isdir(path):
            self.directories.append(path)
        for entry in entries(path):
            stem, dot, suffix = entry.name.partition(".")
            if entry.is_directory:
                self._read_directory(entry, box)
                continue
            self.files.append(entry)
            if not is_name(stem) or not entry.is_file:
                self.strange.append(entry)
            elif not dot:
                size, mtime = entry.found.st_size, entry.found.st_mtime
                self.jobs[box][stem] = Job(self.node, box, stem, size, mtime)
            elif f".{suffix}" == RECORD and box in ("work", "hold", "trash"):
                self.records[box][stem] = entry
            elif f".{suffix}" == ANSWER and box == "work":
                self.answers[stem] = entry
            elif suffix in ("part", "nock") and box == "rx":
                self.parts.append(entry)
            else:
                self.strange.append(entry)

    def _read_directory(self, directory: Listed, box: Box) -> None:
        if (directory.name, box) == ("seen", "rx"):
            into = self.marks
        elif directory.name == "hdr" and box in ("rx", "tx"):
            into = self.headers[box]
        else:
            self.strange.append(directory)
            return
        self.directories.append(directory.path)
        for entry in entries(directory.path):
            if is_name(entry.name) and entry.is_file:
                into[entry.name] = entry
                self.files.append(entry)
            else:
                self.strange.append(entry)
