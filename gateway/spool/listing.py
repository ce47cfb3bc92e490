"""What lies in a box, read with as few system calls as it takes: there may be 100,000 packets."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from gateway.spool.layout import HEADER_SIZE, Job, is_name
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.spool.layout import Box

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def jobs(directory: str, node: str, box: Box) -> Iterator[Job]:
    """Yield the regular files with a packet's name; a missing directory has none.

    Raises:
        SpoolError: temporary.
    """
    with refusals(directory):
        try:
            entries = os.scandir(directory)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if not is_name(entry.name) or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Job(node, box, entry.name, found.st_size, found.st_mtime)


def headers(directory: str, node: str, box: Box) -> Iterator[tuple[Job, bytes]]:
    """Yield the same with the first 172 bytes of each, or none of what cannot be read.

    Raises:
        SpoolError: temporary.
    """
    with refusals(directory):
        try:
            at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            with os.scandir(at) as entries:
                for entry in entries:
                    if not is_name(entry.name) or not entry.is_file(follow_symlinks=False):
                        continue
                    try:
                        found, header = _look(entry.name, at)
                    except FileNotFoundError:
                        continue
                    except OSError:
                        found, header = entry.stat(follow_symlinks=False), b""
                    if stat.S_ISREG(found.st_mode):
                        yield Job(node, box, entry.name, found.st_size, found.st_mtime), header
        finally:
            os.close(at)


def _look(name: str, at: int) -> tuple[os.stat_result, bytes]:
    fd = os.open(name, _READ, dir_fd=at)
    try:
        return os.fstat(fd), os.pread(fd, HEADER_SIZE, 0)
    finally:
        os.close(fd)
