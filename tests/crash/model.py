"""A file system that forgets: what may be on disk after a crash at any moment.

The model is harsher than any journaling file system. What a file holds is certain only after
its own sync; otherwise it may be empty, half or whole. A change to a directory is certain only
after that directory's sync; before it, any subset of the changes may have reached the disk.
Only a rename is one step, certain when its target's directory is synced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from tests.crash.shim import around


@dataclass(eq=False)
class Inode:
    """A file: its content, and how much of it was there at the last sync; emptied at its end, if ever."""

    writes: list[tuple[int, bytes]] = field(default_factory=list)
    syncs: list[int] = field(default_factory=list)
    emptied: int | None = None

    def contents(self, moment: int) -> set[bytes]:
        """Return what it may hold after a crash before step `moment`."""
        whole = b"".join(data for step, data in self.writes if step < moment)
        last = max((step for step, _ in self.writes if step < moment), default=-1)
        emptied = self.emptied is not None and self.emptied < moment
        if any(last < step < moment for step in self.syncs) and not emptied:
            return {whole}
        return {b"", whole[: len(whole) // 2], whole}


class Change(NamedTuple):
    """One change of names: `kind` mkdir, create, rename, link, unlink or symlink."""

    step: int
    kind: str
    path: str
    source: str = ""
    inode: Inode | None = None


State = tuple[frozenset[str], frozenset[tuple[str, bytes]]]


class Recording:
    """The system calls of one run, with the promises made in between."""

    def __init__(self) -> None:
        self.step = 0
        self.changes: list[Change] = []
        self.directory_syncs: list[tuple[int, str]] = []
        self.promises: list[tuple[int, str]] = []
        self._inodes: dict[str, Inode] = {}
        self._open: dict[int, str | Inode] = {}

    def running(self) -> Any:
        """Return the context manager that records."""
        return around(self._call)

    def promise(self, what: str) -> None:
        """Note that something was promised to the world."""
        self.promises.append((self.step, what))

    def _call(self, name: str, function: Any, arguments: tuple[Any, ...]) -> Any:
        result = function(*arguments)
        self.step += 1
        getattr(self, f"_on_{name}", lambda *_: None)(result, *arguments)
        return result

    def _on_open(self, fd: int, path: str, flags: int, mode: int = 0) -> None:
        if os.path.isdir(path):
            self._open[fd] = path
            return
        if flags & os.O_CREAT and path not in self._inodes:
            self._inodes[path] = Inode()
            self.changes.append(Change(self.step, "create", path, inode=self._inodes[path]))
        self._open[fd] = self._inodes[path]

    def _on_write(self, written: int, fd: int, data: bytes) -> None:
        inode = self._open[fd]
        assert isinstance(inode, Inode)
        inode.writes.append((self.step, bytes(data)[:written]))

    def _on_fsync(self, _: None, fd: int) -> None:
        opened = self._open[fd]
        if isinstance(opened, Inode):
            opened.syncs.append(self.step)
        else:
            self.directory_syncs.append((self.step, opened))

    def _on_mkdir(self, _: None, path: str, mode: int) -> None:
        self.changes.append(Change(self.step, "mkdir", path))

    def _on_rename(self, _: None, source: str, target: str) -> None:
        inode = self._inodes.pop(source)
        self._inodes[target] = inode
        self.changes.append(Change(self.step, "rename", target, source, inode))

    def _on_link(self, _: None, source: str, target: str) -> None:
        self._inodes[target] = self._inodes[source]
        self.changes.append(Change(self.step, "link", target, inode=self._inodes[source]))

    def _on_truncate(self, _: None, path: str, size: int) -> None:
        assert size == 0
        self._inodes[path].emptied = self.step

    def _on_unlink(self, _: None, path: str) -> None:
        self._inodes.pop(path, None)
        self.changes.append(Change(self.step, "unlink", path))

    def _on_symlink(self, _: None, target: str, path: str) -> None:
        self.changes.append(Change(self.step, "symlink", path))

    def states(self) -> Iterator[tuple[frozenset[str], State]]:
        """Yield every pair of promises made and state that a crash may leave, each once."""
        done = set()
        for moment in range(1, self.step + 2):
            promised = frozenset(what for step, what in self.promises if step < moment)
            for names in self._names(moment):
                for state in _filled(names, moment):
                    if (promised, state) not in done:
                        done.add((promised, state))
                        yield promised, state

    def _names(self, moment: int) -> Iterator[dict[str, Inode | None]]:
        past = [change for change in self.changes if change.step < moment]
        unsure = [change for change in past if not self._certain(change, moment)]
        for count in range(len(unsure) + 1):
            for lost in combinations(unsure, count):
                yield _apply([change for change in past if change not in lost])

    def _certain(self, change: Change, moment: int) -> bool:
        directory = os.path.dirname(change.path)
        return any(
            change.step < step < moment and synced == directory for step, synced in self.directory_syncs
        )


def _apply(changes: list[Change]) -> dict[str, Inode | None]:
    """Return what is where; None is a directory. What has no directory to be in is lost."""
    root = min((os.path.dirname(change.path) for change in changes), key=len, default="")
    names: dict[str, Inode | None] = {root: None}
    for change in changes:
        if change.kind in ("rename", "unlink"):
            names.pop(change.source or change.path, None)
        if change.kind in ("mkdir", "create", "rename", "link") and os.path.dirname(change.path) in names:
            names[change.path] = change.inode
    return names


def _filled(names: dict[str, Inode | None], moment: int) -> Iterator[State]:
    """Yield the states with all unsure files empty, all half, all whole."""
    directories = frozenset(path for path, inode in names.items() if inode is None)
    for pick in range(3):
        files = set()
        for path, inode in names.items():
            if inode is not None:
                choices = sorted(inode.contents(moment), key=len)
                files.add((path, choices[min(pick, len(choices) - 1)]))
        yield directories, frozenset(files)


def materialise(state: State, old_root: str, new_root: str) -> None:
    """Make a state real below another root."""
    directories, files = state
    for path in sorted(directories):
        if path.startswith(old_root):
            os.makedirs(new_root + path.removeprefix(old_root), exist_ok=True)
    for path, content in files:
        with open(new_root + path.removeprefix(old_root), "wb") as file:
            file.write(content)
