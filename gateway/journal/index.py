"""The index over the journal's files: SQLite, made and brought up to date by whoever reads.

It holds nothing that the files do not: where it is missing, damaged or of another version it
is made anew, and where it cannot be written a private one is made in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gateway.journal.entry import Entry, decode
from gateway.journal.segments import INDEX, segments
from gateway.journal.terms import PACKET, SESSION, folded, terms

if TYPE_CHECKING:
    from types import TracebackType
    from typing import BinaryIO, Self

    from gateway.journal.place import Place

PATIENCE = 10.0
"""[s] How long another reader that brings the index up to date is waited for."""
SHORTEST_PREFIX = 4
MOST = 20_000
"""Events that are looked at for one search."""

_VERSION = 1
_FIRST = 200
_BATCH = 500
_CREATE = (
    "CREATE TABLE segment (id INTEGER PRIMARY KEY, first BLOB UNIQUE, done INTEGER)",
    "CREATE TABLE event (id INTEGER PRIMARY KEY, segment INTEGER, line BLOB)",
    "CREATE INDEX event_by_segment ON event (segment)",
    "CREATE TABLE term (word TEXT, kind TEXT, event INTEGER, PRIMARY KEY (word, kind, event)) WITHOUT ROWID",
    f"PRAGMA user_version = {_VERSION}",
)


class Found(NamedTuple):
    """An event with its number: later ones have greater numbers than those indexed before."""

    number: int
    entry: Entry


class Index:
    """The index of one journal, open; a context manager.

    `say` gets what a person should know: that it was damaged, or that it lives in memory only.
    """

    def __init__(self, place: Place, *, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._base = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def refresh(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Take in the lines that came since, and forget the files that are gone.

        `progress` gets bytes read and bytes to be read.
        """
        progress = progress or _silent
        try:
            self._refresh(progress)
        except sqlite3.Error as failure:
            self._base.close()
            if not _is_access(failure):
                self._say(f"{self._file}: {failure}: made anew")
                self._drop()
                self._base = self._open()
            else:
                self._base = self._in_memory(failure)
            self._refresh(progress)

    def search(self, text: str) -> list[Found]:
        """Return the events of everything that has to do with a word, the newest first.

        A word is one of those of an event as a whole; if none is, the beginning of one; if
        none is, a part of one. What happened to the same packets, and the sessions that
        carried them, belongs to it.
        """
        word = folded(text)
        if not word:
            return []
        upto = word + "\U0010ffff"
        for condition, values in (
            ("word = ?", (word,)),
            ("word >= ? AND word < ?", (word, upto)),
            ("instr(word, ?) > 0", (word,)),
        ):
            if condition != "word = ?" and len(word) < SHORTEST_PREFIX:
                break
            rows = self._base.execute(
                f"SELECT DISTINCT event FROM term WHERE {condition} ORDER BY event DESC LIMIT ?",  # noqa: S608 - ours
                (*values, MOST),
            )
            numbers = {number for (number,) in rows}
            if numbers:
                return self._related(numbers)
        return []

    def newest(self, count: int) -> list[Found]:
        """Return the newest events of all, the newest first."""
        rows = self._base.execute("SELECT id FROM event ORDER BY id DESC LIMIT ?", (count,))
        return _newest_first(self._found(number for (number,) in rows.fetchall()).values())

    def _related(self, numbers: set[int]) -> list[Found]:
        """Return these events, those about the same packets, and the sessions that carried them."""
        found: dict[int, Found] = {}
        known: set[str] = set()
        new = numbers
        while new and len(found) < MOST:
            more = self._found(new)
            found |= more
            words = _words(more.values(), PACKET) - known
            known |= words
            new = set(self._events(words, PACKET)) - found.keys()
        calls = set(self._events(_words(found.values(), SESSION), SESSION)) - found.keys()
        found |= {n: one for n, one in self._found(calls).items() if not one.entry.packet}
        return _newest_first(found.values())

    def _events(self, words: Iterable[str], kind: str) -> Iterator[int]:
        for marks, some in _batches(words):
            query = f"SELECT DISTINCT event FROM term WHERE word IN ({marks}) AND kind = ?"  # noqa: S608 - ours
            yield from (number for (number,) in self._base.execute(query, (*some, kind)))

    def _found(self, numbers: Iterable[int]) -> dict[int, Found]:
        found: dict[int, Found] = {}
        for marks, some in _batches(numbers):
            query = f"SELECT id, line FROM event WHERE id IN ({marks})"  # noqa: S608 - ours
            for number, line in self._base.execute(query, some):
                entry = decode(line)
                if entry is not None:
                    found[number] = Found(number, entry)
        return found

    # Making it

    @property
    def _file(self) -> str:
        return f"{self._place.path}/{INDEX}"

    def _open(self) -> sqlite3.Connection:
        try:
            base = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)
        except sqlite3.Error as failure:
            return self._in_memory(failure)
        try:
            return _prepared(base)
        except sqlite3.Error as failure:
            base.close()
            if _is_access(failure):
                return self._in_memory(failure)
            self._say(f"{self._file}: {failure}: made anew")
        self._drop()
        try:
            return _prepared(sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None))
        except sqlite3.Error as failure:
            return self._in_memory(failure)

    def _in_memory(self, failure: Exception) -> sqlite3.Connection:
        if os.path.isdir(self._place.path):
            self._say(f"{self._file}: {failure}: an index in memory for this time")
        return _prepared(sqlite3.connect(":memory:", isolation_level=None))

    def _drop(self) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                os.unlink(self._file + ending)

    def _refresh(self, progress: Callable[[int, int], None]) -> None:
        base = self._base
        base.execute("BEGIN IMMEDIATE")
        try:
            rows = base.execute("SELECT first, id, done FROM segment")
            done: dict[bytes, tuple[int, int]] = {first: (number, offset) for first, number, offset in rows}
            gone = {number for number, _ in done.values()}
            files = segments(self._place.path)
            sizes = [_size(file) for file in files]
            read, total = 0, sum(sizes)
            for file, size in zip(files, sizes, strict=True):
                with suppress(FileNotFoundError), open(file, "rb") as lines:
                    first = lines.readline(_FIRST)
                    if len(first) < _FIRST and not first.endswith(b"\n"):
                        continue  # nothing whole is in it yet
                    number, offset = done.get(first) or self._begin(first)
                    gone.discard(number)
                    lines.seek(offset)
                    self._take(number, lines, partial(_later, progress, read, total))
                read += size
            for number in gone:
                self._forget(number)
            base.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                base.execute("ROLLBACK")
            raise

    def _begin(self, first: bytes) -> tuple[int, int]:
        with closing(self._base.execute("INSERT INTO segment (first, done) VALUES (?, 0)", (first,))) as made:
            assert made.lastrowid is not None
            return made.lastrowid, 0

    def _take(self, segment: int, lines: BinaryIO, progress: Callable[[int], None]) -> None:
        base = self._base
        offset = lines.tell()
        (number,) = base.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()
        for count, line in enumerate(lines):
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            entry = decode(line)
            if entry is None:
                continue
            number += 1
            base.execute("INSERT INTO event VALUES (?, ?, ?)", (number, segment, line))
            base.executemany(
                "INSERT INTO term VALUES (?, ?, ?)", [(word, kind, number) for kind, word in terms(entry)]
            )
            if count % _BATCH == 0:
                progress(offset)
        base.execute("UPDATE segment SET done = ? WHERE id = ?", (offset, segment))

    def _forget(self, segment: int) -> None:
        self._base.execute(
            "DELETE FROM term WHERE event IN (SELECT id FROM event WHERE segment = ?)", (segment,)
        )
        self._base.execute("DELETE FROM event WHERE segment = ?", (segment,))
        self._base.execute("DELETE FROM segment WHERE id = ?", (segment,))


def _silent(done: int, total: int) -> None:
    del done, total


def _later(progress: Callable[[int, int], None], before: int, total: int, here: int) -> None:
    progress(before + here, total)


def _words(found: Iterable[Found], wanted: str) -> set[str]:
    return {word for one in found for kind, word in terms(one.entry) if kind == wanted}


def _newest_first(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda one: (one.entry.when, one.number), reverse=True)


def _prepared(base: sqlite3.Connection) -> sqlite3.Connection:
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version == _VERSION:
        return base
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("BEGIN IMMEDIATE")
    (version,) = base.execute("PRAGMA user_version").fetchone()  # somebody else may have been first
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError(f"an index of version {version}")
    if version == 0:
        for statement in _CREATE:
            base.execute(statement)
    base.execute("COMMIT")
    return base


def _is_access(failure: sqlite3.Error) -> bool:
    """Whether the index cannot be had now, as against being damaged."""
    code = (getattr(failure, "sqlite_errorcode", None) or 0) & 0xFF
    return code in (
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_IOERR,
    )


def _size(file: str) -> int:
    with suppress(OSError):
        return os.stat(file).st_size
    return 0


def _batches(values: Iterable[object]) -> Iterator[tuple[str, list[object]]]:
    waiting = list(values)
    for begin in range(0, len(waiting), _BATCH):
        some = waiting[begin : begin + _BATCH]
        yield ", ".join("?" * len(some)), some
