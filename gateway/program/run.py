"""Running a program: started, fed, read, ended in time, and waited for."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from gateway.errors import ProgramError
from gateway.program.environment import find_program
from gateway.program.meanwhile import work_meanwhile
from gateway.program.output import Finished, Kept
from gateway.program.signals import deferred, heed_signals

if TYPE_CHECKING:
    import subprocess

KEEP_OUTPUT = 65536
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the time is up."""

_CHUNK = 65536
_DRAIN = 1 << 20


def run_program(
    argv: Sequence[str],
    *,
    stdin: IO[bytes] | Iterable[bytes] | None,
    environ: Mapping[str, str],
    timeout: float,
    keep_output: int = KEEP_OUTPUT,
) -> Finished:
    """Run a program to its end and return how it ended; safe to call from any thread.

    `stdin` is a file (one that can seek is handed over as it is, from its present position),
    chunks that are written as the program takes them, or None for nothing. A program that
    stops reading is no failure: its exit status decides. If the chunks raise, the program is
    killed before its input is closed, so that it cannot take a part for the whole.

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
            process = _start(argv, source, feed=chunks is not None, environ=environ)
            run = _Run(process, chunks, timeout, keep_output)
        return run.finish(argv[0])
    finally:
        if run is not None:
            run.close()


def _as_file_or_chunks(
    stdin: IO[bytes] | Iterable[bytes] | None,
) -> tuple[int | None, Iterator[bytes] | None]:
    """Return the descriptor to hand over, or the chunks to write; neither for no input."""
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


def _start(
    argv: Sequence[str], source: int | None, *, feed: bool, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    import subprocess  # noqa: PLC0415 - 10 ms that the pipe commands do not need

    path = find_program(argv[0] if argv else "")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        if blocked:  # the child inherits this thread's mask
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        return subprocess.Popen(  # no preexec_fn: it forbids vfork, and is unsafe beside threads
            list(argv),
            executable=path,
            bufsize=0,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL if source is None else source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            close_fds=True,
            cwd="/",
            env=environ,
            restore_signals=True,
            start_new_session=True,
            umask=0o022,
        )
    except OSError as error:
        msg = f"program {path}: {error.strerror or error}"
        raise ProgramError(msg) from error
    except ValueError as error:  # a NUL in an argument, a '=' in a variable's name
        msg = f"program {path}: {error}"
        raise ProgramError(msg) from error
    finally:
        if blocked:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


class _Run:
    """One started program: feeds it, reads it, ends it in time, and waits for it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        chunks: Iterator[bytes] | None,
        timeout: float,
        keep_output: int,
    ) -> None:
        self.process = process
        self.chunks = chunks
        self.pending = memoryview(b"")
        self.timeout = timeout
        self.both, self.out, self.err = Kept(keep_output), Kept(keep_output), Kept(keep_output)
        self.wait_status: int | None = None
        self.timed_out = False
        self.poll = select.poll()
        self.watched: dict[int, Callable[[], object]] = {}
        self.pidfd = -1

    def finish(self, name: str) -> Finished:
        self._watch_all()
        self._work(name)
        self._read_what_is_there()
        assert self.wait_status is not None
        code = os.waitstatus_to_exitcode(self.wait_status)
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
        try:
            self.pidfd = os.pidfd_open(self.process.pid)
        except (OSError, AttributeError):
            self.pidfd = -1  # not on this system, or no descriptor left: look now and then
        else:
            self.poll.register(self.pidfd, select.POLLIN)
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

    def _work(self, name: str) -> None:
        """Serve the pipes until the program itself has ended."""
        deadline = time.monotonic() + self.timeout
        work_meanwhile()
        stages = iter((signal.SIGTERM, signal.SIGKILL))
        nap = 0.001
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                self._time_is_up(name, next(stages, None))
                wait = GRACE
                deadline = time.monotonic() + wait
            if self.pidfd < 0:
                wait, nap = min(wait, nap), min(nap * 2, 0.05)
            ready = {descriptor for descriptor, _ in self.poll.poll(wait * 1000)}
            for descriptor in ready & self.watched.keys():
                self.watched[descriptor]()
            if (self.pidfd < 0 or self.pidfd in ready) and self._ended(name):
                return

    def _ended(self, name: str) -> bool:
        try:
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            if self.timed_out:
                self._signal_group(signal.SIGKILL)  # while its number cannot be anybody else's
            _, self.wait_status = os.waitpid(self.process.pid, 0)
        except ChildProcessError as error:
            self.process.returncode = self.wait_status = 0x7F00  # for Popen; nobody is told of it
            msg = f"program {name}: ended, but somebody else took its status"
            raise ProgramError(msg) from error
        self.process.returncode = os.waitstatus_to_exitcode(self.wait_status)
        return True

    def _time_is_up(self, name: str, number: signal.Signals | None) -> None:
        """Ask it to end, or end it; its input stays open, so that a part never looks whole.

        Raises:
            ProgramError: temporary; it survived SIGKILL (it belongs to another user, or the disk hangs).
        """
        if number is None:
            msg = f"program {name}: not finished within {self.timeout:g} s, and cannot be killed"
            raise ProgramError(msg)
        self.timed_out = True
        if self.process.stdin is not None:
            self._unwatch(self.process.stdin)
        self._signal_group(number)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

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
        try:
            chunk = os.read(stream.fileno(), _CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            self._unwatch(stream)
        kept.add(chunk)
        self.both.add(chunk)
        return len(chunk)

    def _read_what_is_there(self) -> None:
        """Take what lies in the pipes, which may still be open in processes left behind."""
        for stream, kept in self._outputs():
            left = _DRAIN  # such a process may be writing without end
            while left > 0 and (size := self._read(stream, kept)):
                left -= size

    def close(self) -> None:
        """Leave nothing behind; a program still at work is killed before its input is closed."""
        if self.wait_status is None:
            self._kill()
        if self.wait_status is None:
            _UNKILLED.append(self.process)
        elif self.process.stdin is not None:
            self.process.stdin.close()
        for stream, _ in self._outputs():
            stream.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)

    def _kill(self) -> None:
        self._signal_group(signal.SIGKILL)
        deadline = time.monotonic() + GRACE
        with suppress(ProgramError):
            while not self._ended("") and time.monotonic() < deadline:
                time.sleep(0.002)


_UNKILLED: list[subprocess.Popen[bytes]] = []
"""Programs that we may not kill; their inputs stay open while we live, lest a part look whole."""
