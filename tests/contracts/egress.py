"""What every egress that runs a program owes the gateway. Inherit, say how it is called."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway import (
    Delivery,
    Egress,
    Envelope,
    GatewayError,
    Message,
    Outcome,
    Recipient,
    ReversePath,
    Verdict,
)

TEXT = b"From: joe@a.example\nSubject: one\n\nhi\n"


class EgressContract:
    """Set `egress`, and `command` if the program needs words of its own."""

    egress: Egress
    words: tuple[str, ...] = ()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def program(self, body: str) -> Path:
        """Make a program that stands in for the MTA's."""
        path = self.folder / f"program{len(list(self.folder.iterdir()))}"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def deliveries(self, program: Path, count: int = 3, timeout: float = 30) -> list[Delivery]:
        """Make deliveries to two recipients each."""
        return [
            Delivery(
                envelope=Envelope(
                    ReversePath("joe@a.example" if number else ""),
                    (Recipient(f"a{number}@b.example"), Recipient(f"b{number}@b.example")),
                ),
                message=Message(TEXT),
                transaction=number,
                sender_node="bob",
                handle="mail",
                niceness=96,
                packet="PACKET",
                command=(str(program), *self.words),
                timeout=timeout,
                environ={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                reopen=lambda: Message(TEXT),
            )
            for number in range(count)
        ]

    def outcomes(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Deliver, and hold what comes back against what was given."""
        found = list(self.egress.deliver(iter(deliveries)))
        settled: set[tuple[int, Recipient]] = set()
        envelopes = {delivery.transaction: delivery.envelope for delivery in deliveries}
        for outcome in found:
            assert isinstance(outcome, Outcome)
            assert isinstance(outcome.verdict, Verdict)
            assert isinstance(outcome.text, str)
            envelope = envelopes[outcome.transaction]
            assert envelope is not None
            recipients = envelope.recipients if outcome.recipients is None else outcome.recipients
            assert recipients
            assert set(recipients) <= set(envelope.recipients)
            about = {(outcome.transaction, recipient) for recipient in recipients}
            assert not about & settled, "two outcomes for one recipient"
            settled |= about
        return found

    def verdicts(self, deliveries: Sequence[Delivery]) -> set[Verdict]:
        return {outcome.verdict for outcome in self.outcomes(deliveries)}

    def test_it_names_itself_and_its_handles(self) -> None:
        assert isinstance(self.egress, Egress)
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.egress.name)
        assert isinstance(self.egress.handles, tuple)

    def test_nothing_to_deliver_is_nothing_delivered(self) -> None:
        assert [] == self.outcomes([])

    def test_what_the_program_takes_is_taken_once(self) -> None:
        program = self.program(f"cat > {self.folder}/in.$$")
        found = self.outcomes(self.deliveries(program))
        assert [0, 1, 2] == sorted({outcome.transaction for outcome in found})
        assert {Verdict.TAKEN} == {outcome.verdict for outcome in found}
        bodies = b"".join(file.read_bytes() for file in self.folder.glob("in.*"))
        assert 3 == bodies.count(b"Subject: one")

    @pytest.mark.parametrize("body", ["cat >/dev/null; exit 75", "exit 75", "kill -9 $$", "exit 127"])
    def test_a_failure_that_is_not_about_the_mail_keeps_it(self, body: str) -> None:
        assert {Verdict.DEFERRED} >= self.verdicts(self.deliveries(self.program(body)))

    def test_a_missing_program_keeps_the_mail(self) -> None:
        failure: GatewayError | None = None
        verdicts: set[Verdict] = set()
        try:
            verdicts = self.verdicts(self.deliveries(self.folder / "none"))
        except GatewayError as error:
            failure = error
        assert failure is None or not failure.permanent
        assert {Verdict.DEFERRED} >= verdicts

    def test_a_hanging_program_is_ended_and_keeps_the_mail(self) -> None:
        program = self.program("exec sleep 300")
        assert {Verdict.DEFERRED} >= self.verdicts(self.deliveries(program, count=1, timeout=0.3))

    def test_a_message_that_cannot_be_read_is_not_taken(self) -> None:
        def broken() -> Iterator[bytes]:
            yield TEXT
            raise OSError("read error")

        (one,) = self.deliveries(self.program("cat >/dev/null"), count=1)
        one = one._replace(message=Message(broken()), reopen=None)
        try:
            verdicts = self.verdicts([one])
        except (OSError, GatewayError):
            return
        assert {Verdict.DEFERRED} >= verdicts

    def test_it_can_be_left_after_any_outcome(self) -> None:
        going = self.egress.deliver(self.deliveries(self.program("cat >/dev/null")))
        assert Verdict.TAKEN == next(going).verdict
        del going

    def test_the_environment_of_the_program_is_the_one_given(self) -> None:
        program = self.program(f"cat >/dev/null; env > {self.folder}/env")
        (one,) = self.deliveries(program, count=1)
        self.outcomes([one._replace(environ={"PATH": "/usr/bin:/bin", "NNCP_SELF": "ME"})])
        names = {line.partition("=")[0] for line in (self.folder / "env").read_text().splitlines()}
        assert {"PATH", "NNCP_SELF"} == names - {"PWD", "OLDPWD", "SHLVL", "_"}

    def test_two_packets_at_once_do_not_mix(self) -> None:
        packets = [self.deliveries(self.program(f"cat >/dev/null; exit {end}"), count=4) for end in (0, 75)]
        found: dict[int, set[Verdict]] = {}

        def deliver(number: int) -> None:
            found[number] = {outcome.verdict for outcome in self.egress.deliver(packets[number])}

        threads = [threading.Thread(target=deliver, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert {0: {Verdict.TAKEN}, 1: {Verdict.DEFERRED}} == found
