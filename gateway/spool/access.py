"""Who may do what to the files of a spool: owner and mode of each, against the owner of the whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from gateway.spool.flaw import Flaw
from gateway.spool.mend import change_mode
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from gateway.spool.snapshot import Listed

_DIRECTORY = stat.S_IRWXU


def owner_of(root: str) -> int:
    """Return the user id whom the spool belongs to.

    Raises:
        SpoolError: temporary.
    """
    with refusals(root):
        return os.stat(root).st_uid


def of_file(entry: Listed, owner: int, where: str) -> Iterator[Flaw]:
    """Yield what is wrong with a file's owner and mode."""
    needed = stat.S_IRUSR if entry.is_file else 0  # Bundles make packets that are only readable.
    yield from _of(entry.path, entry.found, owner, needed, where)


def of_directory(path: str, owner: int, where: str) -> Iterator[Flaw]:
    """Yield what is wrong with a directory's owner and mode."""
    with refusals(path):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
    yield from _of(path, found, owner, _DIRECTORY, where)


def _of(path: str, found: os.stat_result, owner: int, needed: int, where: str) -> Iterator[Flaw]:
    if found.st_uid != owner:
        text = f"belongs to user {found.st_uid}, the spool to {owner}: its mail may wait for ever"
        yield Flaw("owner", where, text, f"as root: chown -h {owner} {path}")
    mode = stat.S_IMODE(found.st_mode)
    if needed & ~mode:
        text = f"mode {mode:04o} shuts its owner out"
        yield Flaw("mode", where, text, mend=partial(change_mode, path, add=needed))
    if mode & stat.S_IWOTH and not stat.S_ISLNK(found.st_mode):
        text = f"mode {mode:04o} lets everybody change it"
        yield Flaw("mode", where, text, mend=partial(change_mode, path, take=stat.S_IWOTH))
