"""The one place where programs are started, and the rules under which they run.

A program is run by argument list, never by a shell, with exactly the environment it was
given, in its own session, in ``/``, with umask 022, every descriptor but 0 to 2 closed, no
signal ignored or blocked, and a time limit. What it prints is read to the end and kept up
to a bound, so a talkative program is never stopped by a full pipe.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from gateway.errors import ProgramError

if TYPE_CHECKING:
    import subprocess

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a program named without a slash is looked for, and the PATH it gets itself."""

KEEP_OUTPUT = 65536
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the time is up."""

_CHUNK = 65536
_DRAIN = 1 << 20
_SAYS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended and what it printed.

    Exactly one of `status` (exit status) and `signal` (number) is set. `output` is stdout
    and stderr in the order in which they were read; each of the three is cut in its middle
    to the bound, with a line that says how much is missing.
    """

    status: int | None
    signal: int | None
    timed_out: bool
    output: bytes
    stdout: bytes
    stderr: bytes
    timeout: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it exited with status 0, within its time."""
        return self.status == 0 and not self.timed_out

    def says(self) -> str:
        """Return how it ended and what it printed as one printable line of bounded length."""
        if self.timed_out:
            how = f"not finished within {self.timeout:g} s"
        elif self.signal is not None:
            how = f"killed by {_signal_name(self.signal)}"
        else:
            how = f"exit status {self.status}"
        words = self.words()
        return f"{how}: {words}" if words else how

    def words(self) -> str:
        """Return what it printed as one printable line of bounded length."""
        words = "; ".join(filter(None, (_printable(line) for line in self.output.splitlines())))
        if len(words) > _SAYS:
            words = words[: _SAYS // 2] + " ... " + words[-_SAYS // 2 :]
        return words


def clean_environ(
    *, self_id: str, sender_id: str, niceness: int, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the complete environment of a program that handles a packet.

    ``NNCP_SELF`` and ``NNCP_SENDER`` are the ids (base32) of this node and of the one that
    signed the packet, ``NNCP_NICE`` the niceness in decimal: NNCP's three. ``PATH`` is
    `SAFE_PATH`, ``HOME`` the home directory of the user we run as (``/`` if it has none),
    ``LANG`` is ``C``, so that what is logged is what the manual page says. Nothing of our
    own environment passes; `extra` comes last and wins.
    """
    import pwd  # noqa: PLC0415 - only where programs are run

    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        home = ""
    return {
        "NNCP_SELF": self_id,
        "NNCP_SENDER": sender_id,
        "NNCP_NICE": str(niceness),
        "PATH": SAFE_PATH,
        "HOME": home or "/",
        "LANG": "C",
        **(extra or {}),
    }


def find_program(name: str) -> str:
    """Return the absolute path of a program: as given, or found on `SAFE_PATH`.

    Raises:
        ProgramError: temporary; it is a relative path or on none of the directories.
    """
    if name.startswith("/"):
        return name
    if name and "/" not in name:
        for directory in SAFE_PATH.split(":"):
            path = f"{directory}/{name}"
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        msg = f"program {name!r}: not in {SAFE_PATH}"
    else:
        msg = f"program {name!r}: neither an absolute path nor a bare name"
    raise ProgramError(msg)


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
    process = _start(argv, source, feed=chunks is not None, environ=environ)
    return _Run(process, chunks, timeout, keep_output).finish(argv[0])


def heed_signals() -> None:
    """Undo what our parent told us to ignore; does nothing outside the main thread.

    A signal that a process ignores is ignored by its children as well, and MTAs start us
    with SIGTERM ignored. Here it gets a handler that does nothing: the same for us, while
    the programs we start have the default again. An inherited SIGCHLD is set to its default,
    without which no exit status could be learnt. Call it before starting threads that run
    programs; elsewhere `run_program` does.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _RESTORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _do_nothing)


_RESTORED = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ})
"""Python ignores SIGPIPE and SIGXFSZ for itself, and subprocess gives them back."""


def _do_nothing(_number: int, _frame: object) -> None:
    pass


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
        self.both, self.out, self.err = _Kept(keep_output), _Kept(keep_output), _Kept(keep_output)
        self.wait_status: int | None = None
        self.timed_out = False
        self.poll = select.poll()
        self.watched: dict[int, Callable[[], object]] = {}
        self.pidfd = -1

    def finish(self, name: str) -> Finished:
        try:
            self._watch_all()
            self._work(name)
            self._read_what_is_there()
        finally:
            self._close()
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

    def _outputs(self) -> list[tuple[IO[bytes], _Kept]]:
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

    def _read(self, stream: IO[bytes], kept: _Kept) -> int:
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

    def _close(self) -> None:
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


class _Kept:
    """The first and the last part of an output of any length."""

    def __init__(self, limit: int) -> None:
        self.half = limit // 2
        self.head = bytearray()
        self.tail = bytearray()
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self.half - len(self.head)
        if room > 0:
            self.head += chunk[:room]
            chunk = chunk[room:]
        self.tail += chunk
        if len(self.tail) > 2 * self.half:
            del self.tail[: len(self.tail) - self.half]

    def value(self) -> bytes:
        cut = self.size - 2 * self.half
        if cut <= 0:
            return bytes(self.head + self.tail)
        tail = self.tail[len(self.tail) - self.half :]
        return b"%b\n[... %d bytes cut ...]\n%b" % (bytes(self.head), cut, bytes(tail))


def _printable(line: bytes) -> str:
    text = " ".join(line.decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "?" for c in text)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
