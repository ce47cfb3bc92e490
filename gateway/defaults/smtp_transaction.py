"""One SMTP transaction: one message, some of its recipients, and an answer for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gateway.defaults.smtp_talk import Broken, Reply, unreadable
from gateway.errors import Malformed
from gateway.mta import Verdict

if TYPE_CHECKING:
    from gateway.defaults.smtp_talk import Talk
    from gateway.mail.envelope import Envelope, Recipient, ReversePath
    from gateway.mail.message import Message

__all__ = ["Answer", "Transaction"]

_NO_SMTPUTF8 = "5.6.7 it needs SMTPUTF8, which the server does not offer"
_TOO_MANY = (452, 552)
_GO_AHEAD = 354


class Answer(NamedTuple):
    """What became of some recipients."""

    recipients: tuple[Recipient, ...]
    verdict: Verdict
    text: str


class _Facts(NamedTuple):
    size: int
    eight_bit: bool


class Transaction:
    """The transaction of an envelope; `message` opens its message, `again` says whether that works twice.

    Recipients of whom `answers` does not speak belong into another transaction. `sent` says
    whether the message may have gone out, wholly or in part.
    """

    def __init__(self, envelope: Envelope, message: Callable[[], Message], *, again: bool) -> None:
        self.envelope = envelope
        self.sent = False
        self._open = message
        self._again = again
        self._settled: list[Answer] = []

    def answers(self, talk: Talk) -> Iterator[Answer]:
        """Hold the transaction; those of LMTP come one by one.

        Raises:
            Broken: temporary; the session is over, and who has no answer yet is to be tried again.
            Unreadable: temporary; the message is at fault, and the session is over too.
        """
        try:
            accepted = self._accepted(talk)
            if accepted:
                yield from self._hand_over(talk, accepted)
        except Broken:  # Exim's `drop` refuses one recipient and hangs up: that answer stands
            yield from self._said()
            raise
        yield from self._said()

    def _accepted(self, talk: Talk) -> list[Recipient]:
        """Return the recipients that the server will take the message for."""
        sender, recipients = self.envelope.sender, self.envelope.recipients
        command, objection = _mail(sender, utf8="SMTPUTF8" in talk.offers)
        if objection:
            self._settle(recipients, Verdict.REFUSED, f"sender <{sender}>: {objection}")
            return []
        reply = talk.ask(command + self._parameters(talk))
        if not reply.good:
            self._settle(recipients, reply.verdict, reply.text)
            return []
        accepted = self._recipients(talk)
        if not accepted:
            _reset(talk)
        return accepted

    def _recipients(self, talk: Talk) -> list[Recipient]:
        accepted: list[Recipient] = []
        for recipient in self.envelope.recipients:
            path, objection = _path(recipient, utf8="SMTPUTF8" in talk.offers)
            if objection:
                self._settle((recipient,), Verdict.REFUSED, objection)
                continue
            reply = talk.ask(f"RCPT TO:<{path}>")
            if reply.good:
                accepted.append(recipient)
            elif reply.code in _TOO_MANY and accepted and self._again:
                break
            else:
                verdict = Verdict.DEFERRED if reply.code in _TOO_MANY else reply.verdict
                self._settle((recipient,), verdict, reply.text)
        return accepted

    def _hand_over(self, talk: Talk, accepted: list[Recipient]) -> Iterator[Answer]:
        reply = talk.ask("DATA")
        if reply.code != _GO_AHEAD:
            if reply.text < "4":
                raise Broken(f"after DATA: {reply.text}")
            self._settle(tuple(accepted), reply.verdict, reply.text)
            _reset(talk)
            return
        self.sent = True
        early = talk.data(self._open())
        if early is not None:
            yield Answer(tuple(accepted), early.verdict, early.text)
            raise Broken(f"within the message: {early.text}", gone=True)
        for group in [(one,) for one in accepted] if talk.lmtp else [tuple(accepted)]:
            yield _answer(group, talk.reply("after the message, which may have been taken"))

    def _settle(self, recipients: tuple[Recipient, ...], verdict: Verdict, text: str) -> None:
        self._settled.append(Answer(recipients, verdict, text))

    def _said(self) -> Iterator[Answer]:
        while self._settled:
            yield self._settled.pop(0)

    def _parameters(self, talk: Talk) -> str:
        words = []
        if ("SIZE" in talk.offers or "8BITMIME" in talk.offers) and self._again:
            facts = _survey(self._open())
            if "SIZE" in talk.offers:
                words.append(f"SIZE={facts.size}")
            if "8BITMIME" in talk.offers and facts.eight_bit:
                words.append("BODY=8BITMIME")
        elif "8BITMIME" in talk.offers:
            words.append("BODY=8BITMIME")  # true of any message, and we cannot look into this one
        if "SMTPUTF8" in talk.offers and _needs_utf8(self.envelope):
            words.append("SMTPUTF8")
        return "".join(f" {word}" for word in words)


def _answer(recipients: tuple[Recipient, ...], reply: Reply) -> Answer:
    return Answer(recipients, reply.verdict, reply.text)


def _reset(talk: Talk) -> None:
    reply = talk.ask("RSET")
    if not reply.good:
        raise Broken(f"after RSET: {reply.text}")


def _needs_utf8(envelope: Envelope) -> bool:
    return not all(one.local.isascii() for one in (envelope.sender, *envelope.recipients))


def _mail(sender: ReversePath, *, utf8: bool) -> tuple[str, str]:
    """Return the command, or why there can be none."""
    path, objection = ("", "") if sender.is_null else _path(sender, utf8=utf8)
    return f"MAIL FROM:<{path}>", objection


def _path(address: Recipient | ReversePath, *, utf8: bool) -> tuple[str, str]:
    """Return the address as it is sent, or why it cannot be."""
    if not utf8 and not address.local.isascii():
        return "", _NO_SMTPUTF8
    try:
        return address.with_ascii_domain(), ""
    except Malformed as error:
        return "", str(error)


def _survey(message: Message) -> _Facts:
    """Read a message once to know what has to be declared; a line end counts as two octets."""
    size, eight_bit = 0, False
    try:
        for chunk in message:
            size += len(chunk) + chunk.count(b"\n")
            eight_bit = eight_bit or not chunk.isascii()
    except Exception as error:
        raise unreadable(error) from error
    return _Facts(size, eight_bit)
