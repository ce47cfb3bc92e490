"""Ingresses that are wrong in one way each. Their contracts are run by test_contracts.py and must fail."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from gateway import (
    BatchWriter,
    Envelope,
    Malformed,
    Message,
    Recipient,
    ReversePath,
    Submission,
    Truncated,
    read_bsmtp,
)
from gateway.testing import IngressContract, Input


class Sound:
    """Sender and recipients as arguments, the message on standard input."""

    name, handles, form = "sound", ("pigeon",), "sendmail"

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        if len(arguments) < 2:
            raise Malformed("a sender and at least one recipient were expected")
        yield Submission(self.envelope(arguments, environ), Message(self.chunks(stream)), arguments)

    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        return Envelope(ReversePath.parse(arguments[0]), map(Recipient.parse, arguments[1:]))

    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        empty = True
        while chunk := stream.read(1 << 16):
            empty = False
            yield chunk
        if empty:
            raise Truncated("no message")


class Contract(IngressContract):
    ingress = Sound()
    malformed = (Input(b"x\n", ("a@a.example", "b b@b.example")),)

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        return Input(message, (f"<{sender}>", *recipients))


class TestSound(Contract):
    pass


class ReadsHalf(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        yield next(super().chunks(stream))


class TestReadsHalf(Contract):
    ingress = ReadsHalf()


class LosesTheNullSender(Sound):
    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        sender = arguments[0].replace("<>", "MAILER-DAEMON@here.example")
        return super().envelope((sender, *arguments[1:]), environ)


class TestLosesTheNullSender(Contract):
    ingress = LosesTheNullSender()


class LosesRecipients(Sound):
    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        return super().envelope(arguments[:2], environ)


class TestLosesRecipients(Contract):
    ingress = LosesRecipients()


class ChangesOctets(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        yield b"".join(super().chunks(stream)).decode("ascii", "replace").encode()


class TestChangesOctets(Contract):
    ingress = ChangesOctets()


class StopsAtADot(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        yield b"".join(super().chunks(stream)).partition(b"\n.\n")[0] + b"\n"


class TestStopsAtADot(Contract):
    ingress = StopsAtADot()


class SwallowsAReadError(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        try:
            yield from super().chunks(stream)
        except OSError:
            return


class TestSwallowsAReadError(Contract):
    ingress = SwallowsAReadError()


class TakesNothingForAMessage(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        yield stream.read()


class TestTakesNothingForAMessage(Contract):
    ingress = TakesNothingForAMessage()


class Prints(Sound):
    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        print("queued for", *arguments[1:])
        return super().envelope(arguments, environ)


class TestPrints(Contract):
    ingress = Prints()


class BelievesTheEnvironment(Sound):
    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        return super().envelope((environ.get("SENDER", arguments[0]), *arguments[1:]), environ)


class TestBelievesTheEnvironment(Contract):
    ingress = BelievesTheEnvironment()


class OpensAFile(Sound):
    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        with tempfile.TemporaryFile() as file:
            for chunk in super().chunks(stream):
                file.write(chunk)
            file.seek(0)
            yield file.read()


class TestOpensAFile(Contract):
    ingress = OpensAFile()


class Crashes(Sound):
    def envelope(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Envelope:
        try:
            return super().envelope(arguments, environ)
        except Malformed as failure:
            raise ValueError(str(failure)) from failure


class TestCrashes(Contract):
    ingress = Crashes()


class TakesABeginningForTheWhole:
    name, handles, form = "sound", ("pigeon",), "bsmtp"

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        try:
            for transaction in read_bsmtp(stream):
                yield Submission(transaction.envelope, Message(self.chunks(transaction.message)))
        except Truncated:
            return

    def chunks(self, message: Message) -> Iterator[bytes]:
        try:
            yield from message
        except Truncated:
            return


class TestTakesABeginningForTheWhole(IngressContract):
    ingress = TakesABeginningForTheWhole()
    malformed = (Input(b"rubbish\n"),)

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        written: list[bytes] = []
        envelope = Envelope(ReversePath(sender), map(Recipient, recipients))
        BatchWriter(written.append).transaction(envelope, Message(message))
        return Input(b"".join(written))
