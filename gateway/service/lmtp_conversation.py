"""The conversation with one LMTP client: between its octets and our reception stands the machine."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from gateway.engine.reception import Reception
from gateway.errors import GatewayError, Interrupted
from gateway.mail.lmtp import Addressed, Begun, Ended, Event, Machine, Opened, Text
from gateway.mail.lmtp_replies import Reply

PATIENCE = 300.0
"""[s] For the client's next octets (RFC 5321 4.5.3.2.7)."""
LONGEST = 3600.0
"""[s] For a whole transaction: who sends an octet now and then is not waited for either."""

PARTING = 10.0
"""[s] For whatever the client owes us, once we are to end: less than a service is given for its end."""

_CHUNK = 1 << 17
_PIECE = 4096
"""Written at once: of a pipe or socket that has any room, so much does not wait."""


class Left(GatewayError):
    """The end of a conversation without QUIT; `reply` is our last word, if any is of use."""

    def __init__(self, reply: Reply | None, text: str) -> None:
        super().__init__(text)
        self.reply = reply


class Line:
    """Two descriptors to a client, or one twice; `stop`, if given, becomes readable when we are to end."""

    def __init__(self, reading: int, writing: int, *, patience: float = PATIENCE, stop: int = -1) -> None:
        self._reading = reading
        self._writing = writing
        self._patience = patience
        self._stop = stop

    def read(self, *, between: bool, until: float) -> bytes:
        """Return what comes next; `between` transactions we leave when we are to end.

        Raises:
            Left: there is nothing to come.
        """
        seconds = max(0.0, min(self._patience, until - time.monotonic()))
        ready = self._ready(self._reading, select.POLLIN, seconds, at_end=0.0 if between else PARTING)
        if (between or not ready) and self._is_to_end():
            raise Left(Reply(421, "4.3.2", "shutting down"), "we were to end")
        if not ready:
            raise Left(Reply(421, "4.4.2", "waited too long"), "the client was silent for too long")
        try:
            octets = os.read(self._reading, _CHUNK)
        except ConnectionError:
            octets = b""
        if not octets:
            raise Left(None, "the client left in the middle of a transaction")
        return octets

    def write(self, octets: bytes) -> None:
        """Write all of it.

        Raises:
            Left: nobody takes it.
        """
        view = memoryview(octets)
        while view:
            if not self._ready(self._writing, select.POLLOUT, self._patience, at_end=PARTING):
                raise Left(None, "the client takes no answers")
            try:
                view = view[os.write(self._writing, view[:_PIECE]) :]
            except OSError as failure:
                raise Left(None, f"the client takes no answers: {failure.strerror}") from failure

    def _is_to_end(self) -> bool:
        return self._stop >= 0 and _wait({self._stop: select.POLLIN}, 0.0)

    def _ready(self, descriptor: int, event: int, seconds: float, *, at_end: float) -> bool:
        """Wait so long for one of the client's descriptors, and for `at_end` [s] once we are to end."""
        if _wait({descriptor: event}, 0.0):
            return True
        wanted = {descriptor: event}
        if self._stop >= 0:
            wanted[self._stop] = select.POLLIN
        _wait(wanted, seconds)
        left = min(seconds, at_end) if self._is_to_end() else 0.0
        return _wait({descriptor: event}, left)


def _wait(wanted: Mapping[int, int], seconds: float) -> bool:
    poll = select.poll()
    for descriptor, event in wanted.items():
        poll.register(descriptor, event)
    return bool(poll.poll(seconds * 1000))


class Conversation:
    """Serves one client until it leaves."""

    def __init__(
        self,
        line: Line,
        machine: Machine,
        reception: Reception,
        *,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._line = line
        self._machine = machine
        self._reception = reception
        self._progress = progress
        self.since: float | None = None
        """[s, monotonic] Since when the client waits for us; None while we wait for it."""
        self.idle_since: float | None = None
        """[s, monotonic] Since when it has had nothing for us, between transactions; None otherwise."""

    def run(self) -> None:
        """Serve the client; nothing that was not committed is left behind.

        Raises:
            Left: the client left a transaction, or an answer, behind.
            Interrupted: a signal or our own deadline.
        """
        try:
            self._serve()
        except Left as left:
            at_work = not self._machine.idle or self._reception.untold
            if left.reply is not None:
                self._last_word(left.reply)
            if at_work:  # else it is anybody's right to come, look and go
                raise
        except Interrupted as interruption:
            self._last_word(Reply(421, interruption.enhanced, str(interruption)))
            raise
        finally:
            self._reception.discard()
            self._reception.tell()

    def _serve(self) -> None:
        machine = self._machine
        until = time.monotonic() + LONGEST
        while True:
            self.since = time.monotonic()
            while (event := machine.next_event()) is not None:
                self._heed(event)
            self._line.write(machine.replies())
            self._reception.tell()
            self.since = None
            self._progress()
            if machine.over:
                return
            if machine.idle:
                until = time.monotonic() + LONGEST
                self.idle_since = time.monotonic()
            octets = self._line.read(between=machine.idle, until=until)
            self.idle_since = None
            machine.receive(octets)

    def _last_word(self, reply: Reply) -> None:
        self._machine.close(reply)
        with suppress(Left):
            self._line.write(self._machine.replies())

    def _heed(self, event: Event) -> None:
        machine, reception = self._machine, self._reception
        match event:
            case Opened(sender, size):
                machine.answer(reception.open(sender, size))
            case Addressed(recipient):
                machine.answer(reception.address(recipient))
            case Begun():
                machine.answer(reception.begin())
            case Text(octets):
                reception.text(octets)
            case Ended(refusal):
                machine.conclude(reception.end(refusal))
