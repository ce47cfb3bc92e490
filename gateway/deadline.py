"""Nothing hangs: signals and our own deadline end a pipe command with status 75.

Exim starts its children with SIGTERM, SIGINT and SIGHUP ignored, so the handlers are put
back. The first signal raises `Interrupted` in the main thread, which discards what was
staged. Python runs handlers only between bytecodes; should the main thread be stuck in a
system call, a watcher thread, woken through the wake-up descriptor, ends the process.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal
import time
from types import FrameType

from gateway.errors import EX_OK, EX_TEMPFAIL, Interrupted
from gateway.patience import DEFAULT_DEADLINE, GRACE, ending

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU, signal.SIGALRM)


class Deadline:
    """A context in which signals and the deadline raise `Interrupted` in the main thread."""

    def __init__(self, seconds: float = DEFAULT_DEADLINE) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._done = False
        self._status = EX_TEMPFAIL
        self._read = self._write = -1

    def __enter__(self) -> Deadline:
        for number in _SIGNALS:
            signal.signal(number, self._raise)
        # Python ignores these two already; they then surface as EPIPE and EFBIG.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        # Without threads (a process limit) the deadline still works, between bytecodes.
        with contextlib.suppress(RuntimeError):
            _thread.start_new_thread(self._watch, ())
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        return self

    def __exit__(self, *exc: object) -> None:
        self.done()

    def done(self) -> None:
        """From here on signals interrupt nothing; a process that hangs is still ended."""
        self._done = True
        signal.setitimer(signal.ITIMER_REAL, 0)

    def resume(self) -> None:
        """After `done`: signals and what is left of the time interrupt again."""
        self._done = False
        left = self._began + self._seconds - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))

    def committed(self) -> None:
        """Responsibility is ours: even a process that is ended while it tidies up says so."""
        self._status = EX_OK

    @property
    def status(self) -> int:
        """What the process ends in if anything goes wrong from here on."""
        return self._status

    def _raise(self, number: int, _frame: FrameType | None) -> None:
        if self._done:
            return
        self._done = True
        raise Interrupted(ending(signal.Signals(number).name, self._seconds))

    def _watch(self) -> None:
        """Wait for the first signal, then end a process that did not end by itself."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        poll.poll(int((self._seconds + GRACE) * 1000))
        select.poll().poll(int(GRACE * 1000))
        os._exit(self._status)
