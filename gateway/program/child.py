"""A started program: born under the rules, watched, and ended with its process group."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from gateway.errors import ProgramError
from gateway.program.environment import find_program
from gateway.program.signals import unblocked

if TYPE_CHECKING:
    import subprocess

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the time is up."""

NOTHING, PIPE = -3, -1
"""In place of a descriptor: the empty input, and a pipe of our own."""

_CHUNK = 65536


class Child:
    """A program that was started; knows when it has ended, and can end it.

    `wait_status` is None until it has ended and was waited for.
    """

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self.process = process
        self.name = name
        self.wait_status: int | None = None
        try:
            self.pidfd = os.pidfd_open(process.pid)
        except (OSError, AttributeError):
            self.pidfd = -1  # not on this system, or no descriptor left: look now and then

    @classmethod
    def start(cls, argv: Sequence[str], *, stdin: int, stdout: int, environ: Mapping[str, str]) -> Child:
        """Start a program; its stderr is always a pipe.

        Call it inside `deferred`, and keep what it returns before that ends.

        Raises:
            ProgramError: temporary; it cannot be started (says why).
        """
        import subprocess  # noqa: PLC0415 - 10 ms that the pipe commands do not need

        path = find_program(argv[0] if argv else "")
        try:
            with unblocked():
                process = subprocess.Popen(  # no preexec_fn: it forbids vfork, and is unsafe beside threads
                    list(argv),
                    executable=path,
                    bufsize=0,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=PIPE,
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
        child = cls(process, argv[0])
        _RUNNING.add(child)
        return child

    @property
    def exit_code(self) -> int:
        """The exit status, or the number of the signal that killed it, negated."""
        assert self.wait_status is not None
        return os.waitstatus_to_exitcode(self.wait_status)

    def ended(self, *, sweep: bool = False) -> bool:
        """Say whether it has ended, and wait for it then; `sweep` kills what it leaves behind.

        Raises:
            ProgramError: temporary; somebody else waited for it.
        """
        if self.wait_status is not None:
            return True
        try:
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            if sweep:
                self.signal_group(signal.SIGKILL)  # while its number cannot be anybody else's
            _RUNNING.discard(self)
            _, self.wait_status = os.waitpid(self.process.pid, 0)
        except ChildProcessError as error:
            self.process.returncode = self.wait_status = 0x7F00  # for Popen; nobody is told of it
            msg = f"program {self.name}: ended, but somebody else took its status"
            raise ProgramError(msg) from error
        self.process.returncode = os.waitstatus_to_exitcode(self.wait_status)
        return True

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it started; only before it was waited for."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def watch_end(self, poll: select.poll) -> None:
        """Have its end wake the poll, where the system can do that."""
        if self.pidfd >= 0:
            poll.register(self.pidfd, select.POLLIN)

    def kill(self, *belongings: object) -> None:
        """Kill its group and wait for it, not for long; `belongings` live on if it cannot be killed."""
        if self.wait_status is None:
            self.signal_group(signal.SIGKILL)
            deadline = time.monotonic() + GRACE
            with suppress(ProgramError):
                while not self.ended() and time.monotonic() < deadline:
                    time.sleep(0.002)
        if self.wait_status is None:
            _UNKILLED.append((self.process, *belongings))

    def close(self) -> None:
        """Give back what watches it."""
        _RUNNING.discard(self)
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def kill_running() -> None:
    """Kill all programs that run, with all that they started; whoever waits for them learns of it."""
    for child in tuple(_RUNNING):
        child.signal_group(signal.SIGKILL)


def read_available(stream: IO[bytes], *keep: Callable[[bytes], None]) -> int | None:
    """Take what one read of a non-blocking stream gives; return its size, 0 for none now, None at the end."""
    try:
        chunk = os.read(stream.fileno(), _CHUNK)
    except BlockingIOError:
        return 0
    for one in keep:
        one(chunk)
    return len(chunk) or None


_RUNNING: set[Child] = set()
"""Started, and not waited for yet."""

_UNKILLED: list[tuple[object, ...]] = []
"""Programs that we may not kill; their inputs stay open while we live, lest a part look whole."""
