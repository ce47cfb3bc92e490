"""What every egress owes the gateway: inherit, say how to bring its MTA into a mood, and pytest asks."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from gateway.errors import ConfigError, GatewayError
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message
from gateway.mta import Delivery, Egress, Outcome, Verdict

Mood: TypeAlias = Literal["takes", "busy", "gone", "hangs"]
"""How an MTA behaves: it takes everything, fails for now, is not there, or never answers."""

_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_LONG, _SHORT = 30.0, 0.3
"""Time limits of a delivery [s]: one that is not reached, and one that is."""
_ROOM = 256
"""So many packets of a series are given without an outcome."""


def text_of(transaction: int) -> bytes:
    """Return the message of a transaction, which no other has."""
    return f"From: joe@a.example\nSubject: number {transaction};\n\nhi\n\nlast line {transaction};\n".encode()


class EgressContract:
    """Set `egress`; write `bring` and `kept`.

    `moods` are those that its MTA can be brought into. `patience` bounds a delivery to an MTA that
    never answers, beyond the delivery's own time limit [s]. `unknown` are handle options that the
    egress must not know.
    """

    egress: Egress
    moods: Sequence[Mood] = ("takes", "busy", "gone", "hangs")
    patience: float = 20.0
    unknown: Mapping[str, object] = {"no-such-option": 1}

    def bring(self, mood: Mood) -> Mapping[str, object]:
        """Bring a new MTA into a mood; return the fields of a `Delivery` that lead to it.

        Such as ``{"command": ("/path/to/program",)}`` or ``{"options": {"url": "..."}}``.
        """
        raise NotImplementedError

    def kept(self) -> list[bytes]:
        """Return everything that the MTAs have taken for good, envelopes included."""
        raise NotImplementedError

    def names(self, recipient: Recipient) -> bytes:
        """Return how a recipient shows in what was kept; nothing where it does not."""
        return str(recipient).encode()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def deliveries(
        self, way: Mapping[str, object], numbers: Sequence[int] = (0, 1, 2), timeout: float = _LONG
    ) -> list[Delivery]:
        """Make deliveries to two recipients each; the first of them has the null sender."""
        plain = [
            Delivery(
                envelope=Envelope(
                    ReversePath("joe@a.example" if number else ""),
                    (Recipient(f"a{number}@b.example"), Recipient(f"b{number}@b.example")),
                ),
                message=Message(text_of(number)),
                transaction=number,
                sender_node="bob",
                handle="mail",
                niceness=96,
                packet="PACKET",
                timeout=timeout,
                environ=_PATH,
                reopen=lambda number=number: Message(text_of(number)),  # type: ignore[misc]
            )
            for number in numbers
        ]
        return [delivery._replace(**way) for delivery in plain]  # type: ignore[arg-type]

    def outcomes(
        self, deliveries: Sequence[Delivery], note: Callable[[Outcome], None] = lambda _: None
    ) -> list[Outcome]:
        """Deliver, and hold what comes back against what was given; `note` is called after each."""
        found = []
        settled: set[tuple[int, Recipient]] = set()
        given = {delivery.transaction: delivery.envelope for delivery in deliveries}
        for outcome in self.egress.deliver(iter(deliveries)):
            assert isinstance(outcome, Outcome), f"not an Outcome: {outcome!r}"
            assert isinstance(outcome.verdict, Verdict), f"not a Verdict: {outcome.verdict!r}"
            assert isinstance(outcome.text, str), f"not a text: {outcome.text!r}"
            number = outcome.transaction
            assert number in given, f"an outcome for transaction {number}, which it was not given"
            envelope = given[number]
            everybody = envelope.recipients if envelope else ()
            recipients = everybody if outcome.recipients is None else outcome.recipients
            assert recipients or envelope is None, "an outcome for no recipient"
            assert set(recipients) <= set(everybody), "an outcome for a recipient who was not given"
            about = {(number, recipient) for recipient in recipients}
            assert not about & settled, "two outcomes for one recipient"
            settled |= about
            note(outcome)
            found.append(outcome)
        return found

    def verdicts(self, deliveries: Sequence[Delivery]) -> set[Verdict]:
        """Deliver where nothing can be delivered: no verdict but those, no failure for good, no hanging."""
        ended: list[set[Verdict] | BaseException] = []

        def deliver() -> None:
            try:
                ended.append({outcome.verdict for outcome in self.outcomes(deliveries)})
            except (Exception, AssertionError) as failure:
                ended.append(failure)

        thread = threading.Thread(target=deliver, daemon=True)
        thread.start()
        thread.join(max(delivery.timeout for delivery in deliveries) + self.patience)
        assert ended, "it hangs: a delivery's timeout bounds it"
        [how] = ended
        if isinstance(how, set):
            return how
        if isinstance(how, AssertionError):
            raise how
        assert not isinstance(how, GatewayError) or not how.permanent, f"raised a permanent failure: {how}"
        return set()

    def _needs(self, mood: Mood) -> None:
        if mood not in self.moods:
            pytest.skip(f"this MTA is never so: {mood}")

    def test_it_names_itself_and_its_handles(self) -> None:
        """Name and handles are there, and can stand in a configuration."""
        assert isinstance(self.egress, Egress), "name, handles or deliver is missing"
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.egress.name)
        assert isinstance(self.egress.handles, tuple)

    def test_nothing_to_deliver_is_nothing_delivered(self) -> None:
        """Without a delivery there is nothing to say."""
        assert self.outcomes([]) == []

    def test_what_is_taken_was_taken_whole_and_once(self) -> None:
        """At the moment of the outcome the MTA has every octet, and in the end no more than that."""
        deliveries = self.deliveries(self.bring("takes"))

        def there(outcome: Outcome) -> None:
            assert outcome.verdict is Verdict.TAKEN, f"{outcome.verdict.name}: {outcome.text}"
            text = text_of(outcome.transaction)
            assert any(text in one for one in self.kept()), "said to be taken, but the MTA has not got it"

        found = self.outcomes(deliveries, there)
        for number in range(3):
            assert any(outcome.transaction == number for outcome in found), f"no outcome for {number}"
            times = sum(one.count(f"Subject: number {number};".encode()) for one in self.kept())
            assert times == len({o.recipients for o in found if o.transaction == number}), "taken twice"

    def test_every_recipient_is_handed_over(self) -> None:
        """Whoever is said to be served was named to the MTA."""
        for delivery in self.deliveries(self.bring("takes")):
            assert delivery.envelope is not None
            for outcome in self.outcomes([delivery]):
                served = outcome.recipients or delivery.envelope.recipients
                for recipient in served if outcome.verdict is Verdict.TAKEN else ():
                    name = self.names(recipient)
                    assert any(name in one for one in self.kept()), f"the MTA never heard of {recipient}"

    def test_it_speaks_only_of_what_it_was_given(self) -> None:
        """A second attempt brings what is left: numbers with gaps, fewer recipients."""
        deliveries = self.deliveries(self.bring("takes"), numbers=(2, 5, 9))
        for number, delivery in enumerate(deliveries):
            assert delivery.envelope is not None
            left = Envelope(delivery.envelope.sender, delivery.envelope.recipients[:1])
            deliveries[number] = delivery._replace(envelope=left)
        assert {outcome.transaction for outcome in self.outcomes(deliveries)} == {2, 5, 9}

    def test_an_mta_that_fails_for_now_keeps_the_mail(self) -> None:
        """Temporary is deferred; a refusal would leave the mail to a person."""
        self._needs("busy")
        assert self.verdicts(self.deliveries(self.bring("busy"))) <= {Verdict.DEFERRED}

    def test_an_mta_that_is_not_there_keeps_the_mail(self) -> None:
        """It will be there again."""
        self._needs("gone")
        assert self.verdicts(self.deliveries(self.bring("gone"))) <= {Verdict.DEFERRED}

    def test_an_mta_that_never_answers_keeps_the_mail_and_nobody_waiting(self) -> None:
        """The delivery's timeout holds."""
        self._needs("hangs")
        found = self.verdicts(self.deliveries(self.bring("hangs"), numbers=(1,), timeout=_SHORT))
        assert found <= {Verdict.DEFERRED}

    def test_a_message_that_cannot_be_read_is_not_taken(self) -> None:
        """Half a message is none."""

        def broken() -> Iterator[bytes]:
            yield text_of(1)
            raise OSError("read error")

        (one,) = self.deliveries(self.bring("takes"), numbers=(1,))
        found = self.verdicts([one._replace(message=Message(broken()), reopen=None)])
        assert found <= {Verdict.DEFERRED}, "half a message was taken or refused"

    def test_it_can_be_left_after_any_outcome(self) -> None:
        """A crash of ours may come between any two."""
        going = self.egress.deliver(iter(self.deliveries(self.bring("takes"))))
        assert next(going).verdict is Verdict.TAKEN
        del going

    def test_two_packets_at_once_do_not_mix(self) -> None:
        """Packets are delivered in several threads with one egress."""
        self._needs("busy")
        packets = [self.deliveries(self.bring(mood), (0, 1, 2, 3)) for mood in ("takes", "busy")]
        found: dict[int, object] = {}

        def deliver(number: int) -> None:
            try:
                found[number] = {outcome.verdict for outcome in self.egress.deliver(packets[number])}
            except Exception as failure:
                found[number] = failure

        threads = [threading.Thread(target=deliver, args=(number,), daemon=True) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_LONG + self.patience)
        assert found == {0: {Verdict.TAKEN}, 1: {Verdict.DEFERRED}}

    def test_it_asks_for_deliveries_from_the_thread_that_called(self) -> None:
        """What is asked for is begun there and then: the disk and the locks are that thread's."""
        asked: set[int] = set()

        def coming() -> Iterator[Delivery]:
            for delivery in self.deliveries(self.bring("takes"), range(5)):
                asked.add(threading.get_ident())
                yield delivery

        told = {outcome.transaction for outcome in self.egress.deliver(coming())}
        assert told == set(range(5)), "a delivery without an outcome"
        assert asked == {threading.get_ident()}, "asked from another thread"

    def test_a_series_is_asked_for_as_there_is_room(self) -> None:
        """What it has asked for is begun, and a crash may repeat it: so not all that there is."""
        if not getattr(self.egress, "series", False):
            pytest.skip("it is given one packet at a time")
        asked: list[int] = []

        def coming() -> Iterator[Delivery]:
            for delivery in self.deliveries(way, range(1, 501)):
                asked.append(delivery.transaction)
                yield delivery._replace(packet=f"PACKET{delivery.transaction}")

        way = self.bring("takes")
        going = self.egress.deliver(coming())
        assert next(going).verdict is Verdict.TAKEN
        assert len(asked) <= _ROOM, "it asks for more than are given to it without an outcome"
        del going

    def test_a_job_without_an_envelope_ends_in_an_outcome_or_in_words(self) -> None:
        """Whoever configures a mail egress for a raw handle is told so, not shown a traceback."""
        (one,) = self.deliveries(self.bring("takes"), numbers=(0,))
        words = "none needed"
        try:
            self.outcomes([one._replace(envelope=None)])
        except GatewayError as failure:
            words = str(failure)
        assert words, "a failure without words"

    def test_it_prints_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Standard output belongs to the command that runs it."""
        self.outcomes(self.deliveries(self.bring("takes")))
        printed = capfd.readouterr()
        assert printed.out == "", "it wrote to standard output"
        assert printed.err == "", "it wrote to standard error"

    def test_its_check_names_an_option_that_it_does_not_know(self) -> None:
        """What `gateway config check` asks it finds a mistake before the first delivery does."""
        check = getattr(self.egress, "check", None)
        if check is None:
            pytest.skip("it has no check")
        (one,) = self.deliveries(self.bring("takes"), numbers=(0,))
        check("mail", one.options)
        with pytest.raises(ConfigError):
            check("mail", {**one.options, **self.unknown})
