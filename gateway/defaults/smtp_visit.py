"""Taking deliveries to one server: sessions, and outcomes out of answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gateway.defaults.smtp_options import Address, Options, options_of
from gateway.defaults.smtp_talk import Broken, Talk, Unreadable
from gateway.defaults.smtp_transaction import Answer, Transaction
from gateway.errors import GatewayError, Interrupted, PluginError
from gateway.mail.envelope import Envelope
from gateway.mta import Outcome, Verdict
from gateway.program import Conversation, Finished, Line, converse

if TYPE_CHECKING:
    from gateway.mail.envelope import Recipient
    from gateway.mail.message import Message
    from gateway.mta import Delivery

__all__ = ["Visit"]

PATIENCE = 3
"""Sessions that may break in a row before the rest is left for the next attempt."""
FAREWELL = 5.0
"""[s] What a server gets for its answer to QUIT."""

_LAST_WORDS = 1.0
_EXIM_WITHOUT_ACL = "550 Administrative prohibition"
_HINT = " (Exim says this of every recipient where acl_smtp_rcpt is not set)"


class _Session(NamedTuple):
    line: Line
    talk: Talk

    def leave(self) -> Finished | None:
        """End it politely, and give a program time to end by itself."""
        self.line.allow(FAREWELL)
        with suppress(Broken):
            # Exim waits 200 ms before it answers, unless we hang up first.
            self.talk.ask("QUIT", last=True)
        if isinstance(self.line, Conversation):
            return self.line.finish()
        self.line.close()
        return None

    def cut_off(self, patience: float) -> Finished | None:
        """End it; a program that does not end within `patience` [s] is ended before we hang up."""
        return self.line.abort(patience) if isinstance(self.line, Conversation) else None


class Visit:
    """The visit to one server; use `outcomes` for each delivery, `leave` after the last, `close` always."""

    def __init__(self) -> None:
        self._session: _Session | None = None
        self._grief = 0
        self._words = ""

    def outcomes(self, delivery: Delivery) -> Iterator[Outcome]:
        """Yield what becomes of a delivery's recipients; every one of them gets an outcome.

        Raises:
            ConfigError: temporary; the handle's options have mistakes.
            PluginError: temporary; the delivery has no envelope.
        """
        options = options_of(delivery)
        if delivery.envelope is None:
            msg = f"smtp: handle {delivery.handle}: a raw job has no envelope"
            raise PluginError(msg)
        if self._grief >= PATIENCE:
            yield Outcome(delivery.transaction, Verdict.DEFERRED, self._words)
            return
        deferred: list[Answer] = []
        deadline = time.monotonic() + delivery.timeout
        for answer in self._answers(delivery, delivery.envelope, options, deadline):
            if answer.verdict is Verdict.DEFERRED:
                deferred.append(answer)
            else:
                yield _outcome(delivery, answer)
        if deferred:
            yield _outcome(delivery, _together(deferred))

    def leave(self) -> None:
        """End the session politely; a program is given time to end by itself."""
        if self._session is None or not self._session.talk.idle:
            return
        self._session.leave()
        self._session = None

    def close(self) -> None:
        """Leave nothing behind; a session in the middle of something is cut off."""
        self.leave()
        if self._session is not None:
            self._session.line.close()
            self._session = None

    def _answers(
        self, delivery: Delivery, envelope: Envelope, options: Options, deadline: float
    ) -> Iterator[Answer]:
        """Yield an answer for every recipient, by as many transactions and sessions as it takes."""
        opener = _Opener(delivery)
        waiting = envelope.recipients
        while waiting:
            fresh, before = self._session is None, waiting
            transaction = Transaction(Envelope(envelope.sender, waiting), opener.open, again=opener.again)
            try:
                session = self._entered(delivery, options, deadline)
                for answer in transaction.answers(session.talk):
                    waiting = tuple(one for one in waiting if one not in answer.recipients)
                    yield answer
                self._grief = 0
            except Interrupted:
                raise
            except Unreadable as failure:
                self._drop(failure)
                yield Answer(waiting, Verdict.DEFERRED, str(failure))
                return
            except GatewayError as failure:
                words = self._drop(failure)
                answered = waiting != before
                if (answered or not fresh) and not transaction.sent and time.monotonic() < deadline:
                    continue
                self._grief += 1
                self._words = words
                if waiting:
                    yield Answer(waiting, Verdict.DEFERRED, words)
                return

    def _entered(self, delivery: Delivery, options: Options, deadline: float) -> _Session:
        """Return the session, a new one if need be, with the time that is left.

        Raises:
            GatewayError: temporary; no session can be had.
        """
        left = max(0.0, deadline - time.monotonic())
        if self._session is not None:
            self._session.line.allow(left)
            return self._session
        before, self._grief = self._grief, PATIENCE  # without a session there is no hope for the rest
        if options.address is None:
            line: Line = converse(delivery.command, environ=delivery.environ, timeout=left)
        else:
            line = _connect(options.address, deadline)
        self._session = _Session(line, Talk(line, lmtp=options.lmtp, name=options.helo))
        self._session.talk.open()
        self._grief = before
        return self._session

    def _drop(self, failure: GatewayError) -> str:
        """Leave or cut off the session, and return why, with what a program has to say about it."""
        session, self._session = self._session, None
        words = str(failure)
        if session is None:
            return words
        try:
            if session.talk.idle:
                finished = session.leave()
            else:
                gone = isinstance(failure, Broken) and failure.gone
                finished = session.cut_off(_LAST_WORDS if gone else 0.0)
        finally:
            session.line.close()
        if finished is None:
            return words
        said = finished.words() if finished.timed_out or finished.ok else finished.says()
        return f"{words}; {said}" if said else words


class _Opener:
    """Opens the message of a delivery, as often as that can be done (`again`: more than once)."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.again = delivery.reopen is not None

    def open(self) -> Message:
        return self._delivery.reopen() if self._delivery.reopen else self._delivery.message


def _connect(address: Address, deadline: float) -> Line:
    """Return a line to an address.

    Raises:
        GatewayError: temporary; nobody answers there.
    """
    import socket  # noqa: PLC0415 - not for those who speak to a program

    shown = address.path or f"{address.host}:{address.port}"
    try:
        if address.path:
            found: list[tuple[int, object]] = [(socket.AF_UNIX, address.path)]
        else:
            names = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            found = [(name[0], name[4]) for name in names]
    except (OSError, UnicodeError) as error:
        raise Broken(f"{shown}: {error}") from error
    trouble = ""
    for family, where in found:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.connect(where)  # type: ignore[arg-type]  # as getaddrinfo gave it
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            trouble = f"{shown}: {error.strerror or error}"
        except BaseException:
            sock.close()
            raise
        else:
            line = Line(sock)
            line.allow(max(0.0, deadline - time.monotonic()))
            return line
    raise Broken(trouble)


def _outcome(delivery: Delivery, answer: Answer) -> Outcome:
    """Return the outcome that an answer is; it is of nobody in particular if it is everybody's."""
    text = answer.text
    if text == _EXIM_WITHOUT_ACL:
        text += _HINT
    whole = delivery.envelope is not None and answer.recipients == delivery.envelope.recipients
    return Outcome(delivery.transaction, answer.verdict, text, None if whole else answer.recipients)


def _together(deferred: list[Answer]) -> Answer:
    """Return one answer for all that is deferred, since a transaction has one reason only."""
    recipients: tuple[Recipient, ...] = ()
    for answer in deferred:
        recipients += answer.recipients
    texts = {answer.text for answer in deferred}
    if len(texts) == 1:
        return Answer(recipients, Verdict.DEFERRED, texts.pop())
    words = "; ".join(f"{', '.join(map(str, a.recipients))}: {a.text}" for a in deferred)
    return Answer(recipients, Verdict.DEFERRED, words)
