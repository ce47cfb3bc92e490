"""The loop of one session: between a wire, a machine and the spool, one thread, no waiting but here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from gateway.links.noise import NoiseError
from gateway.links.session.inbound import Inbound
from gateway.links.session.outbound import Outbound
from gateway.links.session.pace import Pace
from gateway.links.session.rules import Account, Heard, Rules
from gateway.links.session.wire import Wire
from gateway.links.sync.breach import Breach
from gateway.links.sync.machine import MOST_ANNOUNCED, Announced, Confirmed, Content, Event, Machine
from gateway.packet.identity import encode

PING_AFTER = 60.0
"""[s] Without anything to send."""
DEAD_AFTER = 120.0
"""[s] Without a byte from the peer, or without one that it takes."""
LONGEST_ENVELOPE = 120.0
"""[s] From the first to the last byte of an envelope, however steadily it trickles."""
_SCAN = 0.25
"""[s] Between two looks for packets that were queued meanwhile, and at the clock,"""
_SHARE = 20
"""but so many times what a look took, where many are queued."""
_ENOUGH = 256 * 1024
"""[bytes] Waiting to be written: no content is added to more than that."""
_TOO_MUCH = 2 * MOST_ANNOUNCED
"""Answers waiting to be sent. Reading cannot just stop meanwhile: the peer might do the same."""


class Conversation:
    """One session from its first envelope on; `stop` is asked every second whether to end it.

    `begun` is called once when the handshake is through, unless the account says that it is.
    """

    def __init__(
        self,
        wire: Wire,
        machine: Machine,
        rules: Rules,
        account: Account,
        *,
        stop: Callable[[], bool],
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        self._wire = wire
        self._machine = machine
        self._rules = rules
        self._account = account
        self._stop = stop
        self._begun = begun
        self._inbound: Inbound | None = None
        self._outbound: Outbound | None = None
        self._pace = Pace(rules.chunk)
        self._out = bytearray()
        now = time.monotonic()
        self._began = self._read_at = self._wrote_at = self._spoke_at = self._lively_at = now
        self._envelope_at = self._scan_at = self._may_read = self._may_write = now
        self._unsent = 0
        self._lively = True

    def handshake_took(self, seconds: float) -> None:
        """Learn how long the caller's first payload was on its way."""
        self._pace.handshake(seconds)

    def hold(
        self, inbound: Inbound | None, outbound: Outbound | None, begin: bytes, events: Iterable[Event] = ()
    ) -> None:
        """Hold the session until it ends; the account then says why.

        `begin` is the first envelope of ours, `events` are what the peer said before it.

        Raises:
            Breach: temporary; the peer did what is not allowed, or fell silent where it must not.
            SpoolError: temporary; the spool refuses.
        """
        self._inbound, self._outbound = inbound, outbound
        self._say(begin)
        try:
            self._heed(events)
            while not self._over():
                self._turn()
        except (Breach, NoiseError):
            if inbound is not None and inbound.waiting:
                inbound.settle()
            raise
        finally:
            if inbound is not None:
                inbound.close()
            if outbound is not None:
                outbound.close()
            self._account.left = self._machine.unconfirmed
            self._account.wanting = inbound.wanting if inbound else 0

    def _turn(self) -> None:
        """Let everything that can be done now be done once."""
        inbound, now = self._inbound, time.monotonic()
        self._fill(now)
        reading = now >= self._may_read
        busy = inbound is not None and (inbound.lagging or inbound.waiting)
        readable, writable = self._wire.ready(
            0.0 if busy else self._patience(now), read=reading, write=bool(self._out)
        )
        if writable:
            self._write()
        if readable:
            self._read()
        if inbound is not None:
            if inbound.due(quiet=not readable):
                self._settle(inbound)
            if inbound.lagging:
                inbound.work()
                self._lively_at = time.monotonic()

    def _patience(self, now: float) -> float:
        return min((_SCAN, *(at - now for at in (self._may_read, self._may_write) if at > now)))

    # Reading

    def _read(self) -> None:
        data = self._wire.read()
        if data is None:
            return
        now = time.monotonic()
        if not data:
            self._end("the peer closed the connection")
            return
        self._account.bytes_in += len(data)
        heard, inside = self._machine.heard, self._machine.inside
        self._heed(self._machine.feed(data))
        # Bytes inside an envelope are a sign of life, or slow links would always be idle.
        if self._machine.heard != heard or (inside and self._machine.inside):
            self._lively_at = now
        if self._machine.heard != heard or not inside:
            self._envelope_at = now
        self._read_at = now
        if self._rules.rxrate:
            self._may_read = now + 1 / self._rules.rxrate
        if self._machine.open and not self._account.started:
            self._account.started = True
            self._pace.handshake(now - self._began)
            self._begun()

    def _heed(self, events: Iterable[Event]) -> None:
        inbound, outbound = self._inbound, self._outbound
        for event in events:
            if isinstance(event, Content) and inbound is not None:
                inbound.content(event)
                if inbound.due(quiet=False):
                    self._settle(inbound)
            elif isinstance(event, Confirmed) and outbound is not None:
                outbound.confirmed(event.hash)
            elif isinstance(event, Announced):
                if self._machine.backlog > _TOO_MUCH:
                    raise Breach("the peer asks and asks, and takes no answer")
                if self._rules.listing:
                    info = event.info
                    self._account.heard.append(Heard(encode(info.hash), info.size, info.niceness))
                elif inbound is not None:
                    inbound.announced(event.info)

    def _settle(self, inbound: Inbound) -> None:
        """Confirm what is complete, at once: syncing takes time in which the peer hears nothing."""
        inbound.settle()
        self._lively_at = time.monotonic()
        self._fill(self._lively_at)
        if self._out:
            self._write()

    # Writing

    def _fill(self, now: float) -> None:
        """Put what is to be sent into the buffer, content last and little of it."""
        machine, outbound = self._machine, self._outbound
        if not machine.open:
            return
        if outbound is not None and now >= self._scan_at:
            machine.offer(outbound.found())
            self._scan_at = now + max(_SCAN, _SHARE * (time.monotonic() - now))
        if now - self._spoke_at >= PING_AFTER:
            machine.ping()
            self._say(machine.control(), lively=False)
        while len(self._out) < _ENOUGH:
            envelope = machine.control()
            if not envelope and outbound is not None and now >= self._may_write:
                envelope = outbound.next(self._pace.chunk)
                if envelope and self._rules.txrate:
                    self._may_write = now + 1 / self._rules.txrate
            if not envelope:
                return
            self._say(envelope)

    def _say(self, envelope: bytes, *, lively: bool = True) -> None:
        now = time.monotonic()
        if not self._out:
            self._wrote_at = now
        self._out += envelope
        self._spoke_at = now
        self._lively = lively
        if lively:
            self._lively_at = now
        self._pace.sent(len(envelope), now)

    def _write(self) -> None:
        try:
            with memoryview(self._out) as view:
                written = self._wire.write(view)
        except OSError:
            self._out.clear()
            self._end("the peer closed the connection")
            return
        if written:
            del self._out[:written]
            self._account.bytes_out += written
            self._progress(time.monotonic())

    # Ending

    def _end(self, why: str, *, broken: bool = False) -> None:
        if not self._account.end:
            self._account.end = why
            self._account.broken = broken

    def _over(self) -> bool:
        """Look at the clock; whatever the reason to end, what is complete is made durable first."""
        now = time.monotonic()
        self._watch_sending(now)
        if self._stop():
            self._end("we are to stop")
        rules, machine = self._rules, self._machine
        if rules.maxonlinetime and now - self._began >= rules.maxonlinetime:
            self._end(f"maxonlinetime ({rules.maxonlinetime:g} s) is over")
        why = ""
        if not machine.open and now - self._began > rules.deadline:
            why = f"no handshake within {rules.deadline:g} s"
        elif machine.inside and now - self._read_at > max(rules.deadline, rules.onlinedeadline):
            why = "the peer fell silent inside an envelope"
        elif machine.inside and now - self._envelope_at > LONGEST_ENVELOPE:
            why = f"an envelope took longer than {LONGEST_ENVELOPE:g} s"
        elif now - max(self._read_at, self._wrote_at) > DEAD_AFTER or (
            self._out and now - self._wrote_at > DEAD_AFTER
        ):
            why = f"nothing passed for {DEAD_AFTER:g} s"
        elif machine.open and not self._out and not self._unsent and self._idle(now):
            self._end("idle")
        if why and not self._account.end:
            self._end(why, broken=True)
        if not self._account.end:
            return False
        if self._inbound is not None and self._inbound.waiting:
            self._inbound.settle()
            self._last_words()
        return True

    def _idle(self, now: float) -> bool:
        return now - self._lively_at >= self._rules.onlinedeadline

    def _watch_sending(self, now: float) -> None:
        unsent = self._wire.unsent()
        if unsent != self._unsent:
            self._progress(now)
        self._unsent = unsent
        self._pace.waiting(unsent + len(self._out), now)

    def _progress(self, now: float) -> None:
        """Note that something of ours was taken: a sign of life, unless it was a Ping."""
        self._wrote_at = now
        if self._lively:
            self._lively_at = now

    def _last_words(self) -> None:
        """Send the last confirmations, if the wire takes them at once."""
        if self._machine.open:
            while envelope := self._machine.control():
                self._say(envelope)
            self._write()
