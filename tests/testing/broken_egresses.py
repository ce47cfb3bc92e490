"""Egresses that are wrong in one way each. Their contracts are run by test_contracts.py and must fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from gateway import (
    ConfigError,
    Delivery,
    Finished,
    GatewayError,
    OneByOne,
    Outcome,
    Recipient,
    Refused,
    Verdict,
    run_program,
)
from gateway.testing import ProgramEgressContract


class Sound(OneByOne):
    """Recipients as arguments, the message on standard input."""

    name = "sound"

    def deliver_one(self, delivery: Delivery) -> str:
        finished = self.run(delivery, self.words(delivery.envelope.recipients if delivery.envelope else ()))
        if not finished.ok:
            raise GatewayError(finished.says())
        return finished.words()

    def words(self, recipients: Sequence[Recipient]) -> tuple[str, ...]:
        return ("--", *map(str, recipients))

    def environ(self, delivery: Delivery) -> Mapping[str, str]:
        return delivery.environ

    def run(self, delivery: Delivery, words: Sequence[str]) -> Finished:
        argv = (*delivery.command, *words)
        environ = self.environ(delivery)
        return run_program(argv, stdin=delivery.message, environ=environ, timeout=delivery.timeout)

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        if options:
            raise ConfigError([f"exec.{handle}: {key}: unknown key" for key in options])


class TestSound(ProgramEgressContract):
    egress = Sound()


class MixesUpTransactions(Sound):
    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        for number, outcome in enumerate(super().deliver(deliveries)):
            yield outcome._replace(transaction=number)


class TestMixesUpTransactions(ProgramEgressContract):
    egress = MixesUpTransactions()


class SaysItTwice(Sound):
    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        for outcome in super().deliver(deliveries):
            yield outcome
            yield outcome


class TestSaysItTwice(ProgramEgressContract):
    egress = SaysItTwice()


class TakenBeforeTheProgramDid(Sound):
    def deliver_one(self, delivery: Delivery) -> str:
        words = self.words(delivery.envelope.recipients if delivery.envelope else ())
        try:
            started = subprocess.Popen(
                [*delivery.command, *words],
                stdin=subprocess.PIPE,
                env=dict(delivery.environ),
                stderr=subprocess.DEVNULL,
            )
        except OSError as failure:
            raise GatewayError(str(failure)) from failure
        assert started.stdin is not None
        with started.stdin as pipe, suppress(BrokenPipeError):
            delivery.message.copy_to(pipe.write)
            pipe.flush()
        self.started = started
        return "on its way"


class TestTakenBeforeTheProgramDid(ProgramEgressContract):
    egress = TakenBeforeTheProgramDid()
    moods = ("takes",)


class LosesRecipients(Sound):
    def words(self, recipients: Sequence[Recipient]) -> tuple[str, ...]:
        return super().words(recipients[:1])


class TestLosesRecipients(ProgramEgressContract):
    egress = LosesRecipients()


class PutsRecipientsAmongOptions(Sound):
    def words(self, recipients: Sequence[Recipient]) -> tuple[str, ...]:
        return tuple(map(str, recipients))


class TestPutsRecipientsAmongOptions(ProgramEgressContract):
    egress = PutsRecipientsAmongOptions()


class RefusesForGood(Sound):
    def deliver_one(self, delivery: Delivery) -> str:
        try:
            return super().deliver_one(delivery)
        except GatewayError as failure:
            raise Refused(str(failure)) from failure


class TestRefusesForGood(ProgramEgressContract):
    egress = RefusesForGood()


class RaisesForGood(Sound):
    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        for outcome in super().deliver(deliveries):
            if outcome.verdict is Verdict.DEFERRED:
                raise Refused(outcome.text)
            yield outcome


class TestRaisesForGood(ProgramEgressContract):
    egress = RaisesForGood()


class Hangs(Sound):
    def run(self, delivery: Delivery, words: Sequence[str]) -> Finished:
        return super().run(delivery._replace(timeout=8), words)


class TestHangs(ProgramEgressContract):
    egress = Hangs()
    patience = 1.0


class TakesHalfAMessage(Sound):
    def run(self, delivery: Delivery, words: Sequence[str]) -> Finished:
        def chunks() -> Iterator[bytes]:
            with suppress(OSError):
                yield from delivery.message

        environ = self.environ(delivery)
        argv = (*delivery.command, *words)
        return run_program(argv, stdin=chunks(), environ=environ, timeout=delivery.timeout)


class TestTakesHalfAMessage(ProgramEgressContract):
    egress = TakesHalfAMessage()


class HandsOverOurEnvironment(Sound):
    def environ(self, delivery: Delivery) -> Mapping[str, str]:
        return {**os.environ, **delivery.environ}


class TestHandsOverOurEnvironment(ProgramEgressContract):
    egress = HandsOverOurEnvironment()


class RemembersBetweenPackets(Sound):
    """Keeps in itself what belongs to one packet; two of them at once share it."""

    command: tuple[str, ...] = ()

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        for delivery in deliveries:
            self.command = self.command or delivery.command
            yield from super().deliver([delivery._replace(command=self.command)])


class TestRemembersBetweenPackets(ProgramEgressContract):
    @property
    def egress(self) -> RemembersBetweenPackets:  # type: ignore[override]
        self.made = getattr(self, "made", None) or RemembersBetweenPackets()
        return self.made


class Prints(Sound):
    def deliver_one(self, delivery: Delivery) -> str:
        print("delivered")
        return super().deliver_one(delivery)


class TestPrints(ProgramEgressContract):
    egress = Prints()


class ChecksNothing(Sound):
    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Let anything pass."""


class TestChecksNothing(ProgramEgressContract):
    egress = ChecksNothing()


class AsksFromAnotherThread(Sound):
    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        with ThreadPoolExecutor(1) as pool:
            yield from pool.submit(
                lambda: list(super(AsksFromAnotherThread, self).deliver(deliveries))
            ).result()


class TestAsksFromAnotherThread(ProgramEgressContract):
    egress = AsksFromAnotherThread()


class AsksForAllAtOnce(Sound):
    series = True

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        yield from super().deliver(list(deliveries))


class TestAsksForAllAtOnce(ProgramEgressContract):
    egress = AsksForAllAtOnce()
