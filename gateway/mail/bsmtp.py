r"""Batched SMTP (BSMTP, RFC 2442 without its media type): SMTP commands and messages in a file.

What Exim's ``use_bsmtp`` writes and what ``exim -bS`` reads::

    MAIL FROM:<joe@a.example>
    RCPT TO:<x@b.example>
    DATA
    Subject: hi

    ..a line that begins with a dot
    .

A batch may hold several transactions, with LF or CRLF line ends. It counts only as a whole,
and only complete transactions make it one. Memory is bounded whatever the lines' lengths.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import IO, Final, NamedTuple

from gateway.errors import Malformed, Truncated
from gateway.mail.bsmtp_commands import Commands
from gateway.mail.bsmtp_writer import BatchWriter
from gateway.mail.envelope import Envelope
from gateway.mail.message import Message
from gateway.mail.stuffing import Unstuffer

__all__ = ["BatchWriter", "StoredTransaction", "Transaction", "read", "scan"]

_CHUNK: Final = 1 << 18
_FIRST_WINDOW: Final = 1 << 12
"""What is looked at first of a message: batches of small ones should not be copied around."""
_MAX_COMMAND: Final = 16384


class Transaction(NamedTuple):
    """One transaction of a stream; its message must be read before the next is asked for."""

    envelope: Envelope
    message: Message


class StoredTransaction(NamedTuple):
    """One transaction of a file that was checked as a whole.

    `size` counts the octets of the message, which lies at `begin` to `end` of the file, with
    the line ends that `crlf` says. `source` is the file's descriptor, which must stay open and
    its file unchanged, or all that is in it.
    """

    envelope: Envelope
    size: int
    source: int | bytes
    begin: int
    end: int
    crlf: bool

    def open(self, scratch: Callable[[], IO[bytes]] | None = None) -> Message:
        """Return the message, from its beginning; as often and in as many threads as wanted."""
        return Message(self._chunks(), scratch=scratch)

    def _chunks(self) -> Iterator[bytes]:
        pull = _pull_at(self.source, self.begin, self.end)
        unstuffer = Unstuffer(crlf=self.crlf)
        while unstuffer.rest is None:
            chunk = pull()
            if not chunk:
                raise Truncated("the batch file has become shorter since it was checked")
            if text := unstuffer.feed(chunk):
                yield text


def read(stream: IO[bytes]) -> Iterator[Transaction]:
    """Yield the transactions of a stream as they come, up to its end.

    A message that was not read when the next transaction is asked for is passed over.
    What was yielded counts only once the iterator has ended without an error.

    Raises:
        Malformed: permanent; not BSMTP, or readable in two ways. Names the line.
        Truncated: temporary; the input ended early or holds no complete transaction.
    """
    # read1 hands on what a pipe has; read would wait for a full chunk.
    pull = getattr(stream, "read1", stream.read)
    reader = _Reader(lambda: pull(_CHUNK))
    for envelope, text in reader.transactions():
        yield Transaction(envelope, Message(text))


def scan(file: IO[bytes]) -> tuple[StoredTransaction, ...]:
    """Check a whole file, from its first octet to its last, and return its transactions.

    The file's own position is neither used nor changed.

    Raises:
        Malformed: permanent; not BSMTP, or readable in two ways. Names the line.
        Truncated: temporary; the input ended early or holds no complete transaction.
    """
    source = file.getvalue() if isinstance(file, io.BytesIO) else file.fileno()
    reader = _Reader(_pull_at(source, 0, None))
    found = []
    for envelope, text in reader.transactions():
        begin = reader.offset
        size = sum(map(len, text))
        found.append(StoredTransaction(envelope, size, source, begin, reader.offset, text.crlf))
    return tuple(found)


class _Reader:
    """A stream of octets, taken apart into command lines and texts.

    `offset` counts the octets before the unread part of the buffer, `line` the lines.
    """

    def __init__(self, pull: Callable[[], bytes]) -> None:
        self._pull = pull
        self._buffer = b""
        self._position = 0
        self._buffer_offset = 0
        self.line = 0

    @property
    def offset(self) -> int:
        return self._buffer_offset + self._position

    def transactions(self) -> Iterator[tuple[Envelope, _Text]]:
        commands = Commands()
        complete = False
        while (command := self._command()) is not None:
            crlf = command.endswith(b"\r\n")
            envelope = commands.take(command[:-2] if crlf else command.removesuffix(b"\n"), self.line)
            if envelope is not None:
                text = _Text(self, crlf=crlf)
                yield envelope, text
                text.pass_over()
                complete = True
            elif commands.finished:
                self._expect_end()
                break
        if commands.open:
            raise Truncated(f"the input ends after line {self.line}, inside a transaction")
        if not complete:
            raise Truncated("the input holds no complete transaction")

    def _command(self) -> bytes | None:
        """Return the next line with its line end, or None at the end of the input."""
        while (end := self._buffer.find(b"\n", self._position)) < 0:
            if len(self._buffer) - self._position > _MAX_COMMAND:
                break
            if not self.fill():
                return self._unended()
        if not 0 <= end - self._position <= _MAX_COMMAND:
            raise Malformed(
                f"line {self.line + 1}: a command of more than {_MAX_COMMAND} octets; was DATA forgotten?"
            )
        command = self._buffer[self._position : end + 1]
        self._position = end + 1
        self.line += 1
        return command

    def _unended(self) -> bytes | None:
        rest = self._buffer[self._position :]
        if not rest:
            return None
        if rest.rstrip().upper() == b"QUIT":
            self._position = len(self._buffer)
            self.line += 1
            return rest
        raise Truncated(f"the input ends inside line {self.line + 1}, a command")

    def _expect_end(self) -> None:
        if self._position < len(self._buffer) or self.fill():
            raise Malformed(f"line {self.line + 1}: QUIT is followed by more; leave QUIT out or put it last")

    def fill(self) -> bool:
        """Read the next chunk behind the unread part; False at the end of the input."""
        chunk = self._pull()
        self._buffer_offset += self._position
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def take(self, limit: int) -> bytes:
        """Return up to `limit` octets of what was read, or of the next chunk; empty at the end."""
        if self._position == len(self._buffer) and not self.fill():
            return b""
        chunk = self._buffer[self._position : self._position + limit]
        self._position += len(chunk)
        return chunk

    def give_back(self, count: int) -> None:
        """Undo the last octets of a `take`."""
        self._position -= count


class _Text:
    """The chunks of one message, taken out of the reader's stream."""

    def __init__(self, reader: _Reader, *, crlf: bool) -> None:
        self.crlf = crlf
        self._reader = reader
        self._unstuffer = Unstuffer(crlf=crlf, line=reader.line)
        self._window = _FIRST_WINDOW
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        while self._unstuffer.rest is None:
            chunk = self._reader.take(self._window)
            if not chunk:
                raise Truncated(f"the input ends after line {self._unstuffer.line}, inside a message")
            try:
                text = self._unstuffer.feed(chunk)
            except Malformed as error:
                self._failure = error
                raise
            self._reader.line = self._unstuffer.line
            self._window = min(2 * self._window, _CHUNK)
            if self._unstuffer.rest is not None:
                self._reader.give_back(len(self._unstuffer.rest))
            if text:
                return text
        raise StopIteration

    def pass_over(self) -> None:
        """Read what nobody wanted, so that the stream stands at the next command."""
        if self._unstuffer.rest is None:
            for _ in self:
                pass
            self._failure = RuntimeError("the message was not read before the next transaction was asked for")


def _pull_at(source: int | bytes, begin: int, end: int | None) -> Callable[[], bytes]:
    """Return a function that reads chunk after chunk of a part of a file."""
    position = begin

    def pull() -> bytes:
        nonlocal position
        size = _CHUNK if end is None else min(_CHUNK, end - position)
        if isinstance(source, int):
            chunk = os.pread(source, size, position)
        else:
            chunk = source[position : position + size]
        position += len(chunk)
        return chunk

    return pull
