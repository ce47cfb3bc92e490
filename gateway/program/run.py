"""Running a program: started, fed, read, ended in time, and waited for."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import IO, cast

from gateway.errors import ProgramError
from gateway.mail.message import Message
from gateway.program.child import GRACE, NOTHING, PIPE, Child, read_available
from gateway.program.meanwhile import work_meanwhile
from gateway.program.output import Finished, Kept
from gateway.program.signals import deferred, heed_signals

KEEP_OUTPUT = 65536

_CHUNK = 65536
_DAY = 86400.0
"""[s] What is waited for at a time: poll(2) knows no more than 24 days."""
_DRAIN = 1 << 20


def run_program(
    argv: Sequence[str],
    *,
    stdin: Message | IO[bytes] | Iterable[bytes] | None,
    environ: Mapping[str, str],
    timeout: float,
    keep_output: int = KEEP_OUTPUT,
) -> Finished:
    """Run a program to its end and return how it ended; safe to call from any thread.

    `stdin` is a message, a file (one that can seek is handed over as it is, from its present position),
    chunks that are written as the program takes them, or None for nothing. A program that
    stops reading is no failure: its exit status decides. If the chunks raise, the program is
    killed before its input is closed, so that it cannot take a part for the whole. Only what it has
    as a file it gets to the end even if we are killed: so a message is handed over as one if it can be,
    and closed.

    After `timeout` [s] its process group gets SIGTERM, and SIGKILL `GRACE` seconds later or when the
    program itself has ended. Processes that a program leaves behind when it ends by itself
    are left alone and not waited for, even if they hold its output open; their later output
    has no reader. `keep_output` [bytes] bounds each kind of output kept.

    Raises:
        ProgramError: temporary; it cannot be started (says why), or its status was lost.
    """
    source, chunks = _as_file_or_chunks(stdin)
    heed_signals()
    run: _Run | None = None
    try:
        with deferred():
            descriptor = PIPE if chunks is not None else NOTHING if source is None else source
            child = Child.start(argv, stdin=descriptor, stdout=PIPE, environ=environ)
            run = _Run(child, chunks, timeout, keep_output)
        return run.finish()
    finally:
        if run is not None:
            run.close()
        if isinstance(stdin, Message):
            stdin.close()


def _as_file_or_chunks(
    stdin: Message | IO[bytes] | Iterable[bytes] | None,
) -> tuple[int | None, Iterator[bytes] | None]:
    """Return the descriptor to hand over, or the chunks to write; neither for no input."""
    if isinstance(stdin, Message):
        stdin = stdin.file or iter(stdin)
    if stdin is None:
        return None, None
    read: Callable[[int], bytes] | None = getattr(stdin, "read", None)
    if read is None or not hasattr(stdin, "fileno"):
        return None, iter(stdin)
    try:
        file = cast("IO[bytes]", stdin)
        descriptor = file.fileno()
        file.flush()
        os.lseek(descriptor, file.tell(), os.SEEK_SET)
    except OSError:  # no descriptor, or one that cannot seek and whose object may hold read-ahead bytes
        return None, iter(lambda: read(_CHUNK), b"")
    return descriptor, None


class _Run:
    """One started program: feeds it, reads it, ends it in time, and waits for it."""

    def __init__(
        self,
        child: Child,
        chunks: Iterator[bytes] | None,
        timeout: float,
        keep_output: int,
    ) -> None:
        self.child = child
        self.process = child.process
        self.chunks = chunks
        self.pending = memoryview(b"")
        self.timeout = timeout
        self.both, self.out, self.err = Kept(keep_output), Kept(keep_output), Kept(keep_output)
        self.timed_out = False
        self.poll = select.poll()
        self.watched: dict[int, Callable[[], object]] = {}

    def finish(self) -> Finished:
        self._watch_all()
        self._work()
        self._read_what_is_there()
        code = self.child.exit_code
        return Finished(
            status=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            timed_out=self.timed_out,
            timeout=self.timeout,
            output=self.both.value(),
            stdout=self.out.value(),
            stderr=self.err.value(),
        )

    def _watch_all(self) -> None:
        self.child.watch_end(self.poll)
        for stream, kept in self._outputs():
            self._watch(stream, select.POLLIN, partial(self._read, stream, kept))
        if self.process.stdin is not None:
            self._watch(self.process.stdin, select.POLLOUT, partial(self._write, self.process.stdin))

    def _outputs(self) -> list[tuple[IO[bytes], Kept]]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        return [(self.process.stdout, self.out), (self.process.stderr, self.err)]

    def _watch(self, stream: IO[bytes], events: int, act: Callable[[], object]) -> None:
        os.set_blocking(stream.fileno(), False)
        self.poll.register(stream.fileno(), events)
        self.watched[stream.fileno()] = act

    def _unwatch(self, stream: IO[bytes]) -> None:
        if not stream.closed and self.watched.pop(stream.fileno(), None) is not None:
            self.poll.unregister(stream.fileno())

    def _work(self) -> None:
        """Serve the pipes until the program itself has ended."""
        deadline = time.monotonic() + self.timeout
        work_meanwhile()
        stages = iter((signal.SIGTERM, signal.SIGKILL))
        nap = 0.001
        pidfd = self.child.pidfd
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                self._time_is_up(next(stages, None))
                wait = GRACE
                deadline = time.monotonic() + wait
            if pidfd < 0:
                wait, nap = min(wait, nap), min(nap * 2, 0.05)
            ready = {descriptor for descriptor, _ in self.poll.poll(min(wait, _DAY) * 1000)}
            for descriptor in ready & self.watched.keys():
                self.watched[descriptor]()
            if (pidfd < 0 or pidfd in ready) and self.child.ended(sweep=self.timed_out):
                return

    def _time_is_up(self, number: signal.Signals | None) -> None:
        """Ask it to end, or end it; its input stays open, so that a part never looks whole.

        Raises:
            ProgramError: temporary; it survived SIGKILL (it belongs to another user, or the disk hangs).
        """
        if number is None:
            msg = f"program {self.child.name}: not finished within {self.timeout:g} s, and cannot be killed"
            raise ProgramError(msg)
        self.timed_out = True
        if self.process.stdin is not None:
            self._unwatch(self.process.stdin)
        self.child.signal_group(number)

    def _write(self, stream: IO[bytes]) -> None:
        assert self.chunks is not None
        if not self.pending:
            chunk = next(self.chunks, None)
            if chunk is None:
                self._end_input(stream)
                return
            self.pending = memoryview(chunk)
        try:
            self.pending = self.pending[os.write(stream.fileno(), self.pending) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._end_input(stream)

    def _end_input(self, stream: IO[bytes]) -> None:
        self._unwatch(stream)
        stream.close()

    def _read(self, stream: IO[bytes], kept: Kept) -> int:
        """Take what one read gives and return how much it was; 0 when there is nothing now."""
        size = read_available(stream, kept.add, self.both.add)
        if size is None:
            self._unwatch(stream)
        return size or 0

    def _read_what_is_there(self) -> None:
        """Take what lies in the pipes, which may still be open in processes left behind."""
        for stream, kept in self._outputs():
            if stream.fileno() not in self.watched:
                continue  # its end was read
            left = _DRAIN  # such a process may be writing without end
            while left > 0 and (size := self._read(stream, kept)):
                left -= size

    def close(self) -> None:
        """Leave nothing behind; a program still at work is killed before its input is closed."""
        self.child.kill()
        if self.child.wait_status is not None and self.process.stdin is not None:
            self.process.stdin.close()
        for stream, _ in self._outputs():
            stream.close()
        self.child.close()
