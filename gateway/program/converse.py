"""Conversing with a program: what it reads and writes is one socket, of which we hold the other end."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gateway.program.child import GRACE, Child, read_available
from gateway.program.line import Line
from gateway.program.meanwhile import work_meanwhile
from gateway.program.output import Finished, Kept
from gateway.program.run import KEEP_OUTPUT
from gateway.program.signals import deferred, heed_signals

if TYPE_CHECKING:
    import socket
    from types import TracebackType

__all__ = ["Conversation", "converse"]

_DRAIN = 1 << 20


def converse(argv: Sequence[str], *, environ: Mapping[str, str], timeout: float) -> Conversation:
    """Start a program and return the conversation with it; safe to call from any thread.

    The program runs under the rules of `gateway.program`. `timeout` [s] is what is allowed at
    first; `Line.allow` grants more. What it prints on stderr is read to the end and kept up
    to a bound. Use it as a context: at its end a program that is still there is killed, with
    its process group, before its input is closed.

    Raises:
        ProgramError: temporary; it cannot be started (says why).
    """
    import socket  # noqa: PLC0415 - not for those who only run programs

    heed_signals()
    ours, theirs = socket.socketpair()
    try:
        with deferred():
            child = Child.start(argv, stdin=theirs.fileno(), stdout=theirs.fileno(), environ=environ)
            talk = Conversation(ours, child)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    try:
        talk.allow(timeout)
        work_meanwhile()
    except BaseException:
        talk.close()
        raise
    return talk


class Conversation(Line):
    """A line to a started program."""

    def __init__(self, sock: socket.socket, child: Child) -> None:
        super().__init__(sock)
        self._child = child
        self._said = Kept(KEEP_OUTPUT)
        assert child.process.stderr is not None
        self._stderr = child.process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        self._reading = self._stderr.fileno()
        self._poll.register(self._reading, select.POLLIN)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def finish(self, patience: float = GRACE) -> Finished:
        """Hang up, and return how the program ended; one that goes on for `patience` [s] is ended.

        For a dialogue that is over. What the program leaves behind when it ends by itself is
        left alone.
        """
        self.socket.close()
        return self._ending(patience)

    def abort(self, patience: float = 0.0) -> Finished:
        """End the program if it does not end within `patience` [s], and only then hang up.

        For a dialogue that broke off: what the program heard must not look whole to it.
        """
        return self._ending(patience)

    def close(self) -> None:
        """Leave nothing behind; a program still at work is killed first."""
        self._child.kill(self.socket)
        if self._child.wait_status is not None:
            self.socket.close()
        self._unread()
        self._stderr.close()
        self._child.close()

    def _ending(self, patience: float) -> Finished:
        timed_out = False
        try:
            if not self._ends_within(patience):
                timed_out = True
                self._child.signal_group(signal.SIGTERM)
                if not self._ends_within(GRACE, sweep=True):
                    self._child.kill(self.socket)
            self._read_stderr(_DRAIN)
            said = self._said.value()
            code = self._child.exit_code if self._child.wait_status is not None else -signal.SIGKILL
            return Finished(
                status=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                timed_out=timed_out,
                output=said,
                stdout=b"",
                stderr=said,
                timeout=patience,
            )
        finally:
            self.close()

    def _ends_within(self, seconds: float, *, sweep: bool = False) -> bool:
        """Wait for its end, reading what it still says."""
        poll = select.poll()
        self._child.watch_end(poll)
        if self._reading >= 0:
            poll.register(self._reading, select.POLLIN)
        deadline = time.monotonic() + seconds
        nap = seconds if self._child.pidfd >= 0 else 0.01
        while not self._child.ended(sweep=sweep):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ready = {descriptor for descriptor, _ in poll.poll(min(left, nap) * 1000)}
            if self._reading in ready:
                reading = self._reading
                self._read_stderr()
                if self._reading < 0:
                    poll.unregister(reading)
        return True

    def _ready(self, seconds: float) -> int:
        """Return the events of the socket, having read what the program says beside it."""
        found = dict(self._poll.poll(seconds * 1000))
        if self._reading in found:
            self._read_stderr()
        return found.get(self.socket.fileno(), 0)

    def _read_stderr(self, most: int = 1) -> None:
        """Read what is there, until `most` bytes were read or there is no more."""
        while most > 0 and self._reading >= 0:
            size = read_available(self._stderr, self._said.add)
            if size is None:
                self._unread()
            if not size:
                return
            most -= size

    def _unread(self) -> None:
        if self._reading >= 0:
            self._poll.unregister(self._reading)
            self._reading = -1
