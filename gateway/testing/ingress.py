"""What every ingress owes the gateway: inherit, say how the MTA writes, and pytest asks."""

from __future__ import annotations

import builtins
import io
import os
import re
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, Malformed, Truncated
from gateway.mail.envelope import Envelope
from gateway.mta import Ingress, Submission
from gateway.testing.samples import HOSTILE, MESSAGES, RECIPIENTS, SENDERS, Failing, Slow

_NOTHING: Mapping[str, str] = {}
_CUTS = 16


class Input(NamedTuple):
    """What an MTA gives to the pipe command; `environ` are variables that it sets itself."""

    data: bytes
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = _NOTHING


class Read(NamedTuple):
    """One submission, its message read to the end."""

    envelope: Envelope | None
    message: bytes
    arguments: tuple[str, ...]


class IngressContract:
    """Set `ingress` and `malformed`, and write `write`; the rest has defaults.

    `whole` are further good inputs, `truncated` such as ended early. `at_once` is how many
    recipients the MTA writes into one input at most. `ends_itself` says that an input shows by
    itself where it ends, so that every beginning of it is known to be one: true of batch SMTP.
    """

    ingress: Ingress
    malformed: Sequence[Input]
    whole: Sequence[Input] = ()
    truncated: Sequence[Input] = ()
    at_once: int = len(RECIPIENTS)
    ends_itself: bool | None = None

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        """Return what the MTA writes for one transaction; an empty sender is the null one."""
        raise NotImplementedError

    def arrives(self, message: bytes) -> bytes:
        """Return what is left of a message when the MTA has written it and it was read again."""
        return message

    def read(self, one: Input, stream: io.RawIOBase | None = None) -> list[Read]:
        """Read an input as the gateway does: each message before the next submission."""
        source = io.BytesIO(one.data) if stream is None else io.BufferedReader(stream)
        return [
            Read(s.envelope, s.message.read(), s.arguments)
            for s in self.ingress.read(one.arguments, cast("IO[bytes]", source), one.environ)
        ]

    def samples(self) -> list[Input]:
        """Return good inputs, the author's and one with everything in it."""
        text = MESSAGES["dots"]
        return [*self.whole, self.write(SENDERS[0], RECIPIENTS[: self.at_once], text)]

    def one(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Read:
        """Return the one submission that is in what the MTA writes for a transaction."""
        found = self.read(self.write(sender, recipients, message))
        assert len(found) == 1, f"one transaction was written, {len(found)} were read"
        return found[0]

    def test_it_names_itself_its_handles_and_its_form(self) -> None:
        """Name, handles and form are there, and can stand in a configuration."""
        assert isinstance(self.ingress, Ingress), "name, handles, form or read is missing"
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.ingress.name)
        assert isinstance(self.ingress.handles, tuple)
        assert all(re.fullmatch(r"[^\s/\0]+", handle) for handle in self.ingress.handles)
        assert self.ingress.form in {"bsmtp", "rmail", "sendmail", "raw"}

    def test_a_whole_input_gives_submissions_with_envelopes(self) -> None:
        """Every good input holds mail."""
        for one in self.samples():
            found = list(self.ingress.read(one.arguments, io.BytesIO(one.data), one.environ))
            assert found, "a good input gave no submission"
            assert all(isinstance(submission, Submission) for submission in found)
            if self.ingress.form != "raw":
                assert all(isinstance(submission.envelope, Envelope) for submission in found)

    @pytest.mark.parametrize("name", MESSAGES)
    def test_every_octet_of_the_message_arrives(self, name: str) -> None:
        """Nothing is cut off, added, decoded or stuffed twice."""
        message = MESSAGES[name]
        found = self.one(SENDERS[0], RECIPIENTS[:1], message).message
        expected = self.arrives(message)
        assert len(found) == len(expected), f"{len(expected)} octets went in, {len(found)} came out"
        assert found == expected, "the message was changed"

    @pytest.mark.parametrize("sender", SENDERS)
    def test_the_sender_arrives(self, sender: str) -> None:
        """The envelope sender is the one that the MTA wrote."""
        envelope = self.one(sender, RECIPIENTS[:1], MESSAGES["plain"]).envelope
        assert envelope is None or str(envelope.sender) == sender

    def test_the_null_sender_stays_the_null_sender(self) -> None:
        """A report is read as one: else the next MTA answers it with another."""
        envelope = self.one("", RECIPIENTS[:1], MESSAGES["plain"]).envelope
        assert envelope is None or envelope.sender.is_null, "the null sender was lost"
        assert envelope is None or envelope.sender.known, "the null sender became an unknown one"

    def test_every_recipient_arrives(self) -> None:
        """All of them, in their order and spelling."""
        for count in range(1, min(self.at_once, len(RECIPIENTS)) + 1):
            envelope = self.one(SENDERS[0], RECIPIENTS[:count], MESSAGES["plain"]).envelope
            if envelope is not None:
                assert tuple(map(str, envelope.recipients)) == RECIPIENTS[:count]

    def test_how_the_input_arrives_makes_no_difference(self) -> None:
        """A pipe hands over whatever its writer has written so far."""
        for one in self.samples():
            assert self.read(one, Slow(one.data)) == self.read(one)

    def test_nothing_is_taken_from_an_environment_that_the_sender_fills(self) -> None:
        """Addresses come from what the MTA says, not from variables that happen to be there."""
        for one in self.samples():
            assert self.read(one) == self.read(one._replace(environ={**HOSTILE, **one.environ}))

    def test_a_message_that_nobody_reads_does_no_harm(self) -> None:
        """The next submission begins where it begins."""
        for one in self.samples():
            unread = self.ingress.read(one.arguments, io.BytesIO(one.data), one.environ)
            assert [read.envelope for read in self.read(one)] == [s.envelope for s in unread]

    def test_it_opens_no_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is given a stream and needs nothing else."""
        for one in self.samples():
            self.read(one)  # what is imported on first use is imported now

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("an ingress opens no files")

        monkeypatch.setattr(builtins, "open", refuse)
        monkeypatch.setattr(os, "open", refuse)
        for one in self.samples():
            self.read(one)

    def test_it_prints_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """What a pipe command prints is a failure to some MTAs, and a bounce's text to others."""
        for one in self.samples():
            self.read(one)
        printed = capfd.readouterr()
        assert printed.out == "", "it wrote to standard output"
        assert printed.err == "", "it wrote to standard error"

    def test_malformed_input_is_permanent(self) -> None:
        """What no retry mends is `Malformed`, and so goes back to its sender."""
        assert self.malformed, "give at least one malformed input"
        for one in self.malformed:
            with pytest.raises(Malformed):
                self.read(one)

    def test_input_that_ends_early_is_temporary(self) -> None:
        """What a retry of the MTA mends is `Truncated`."""
        nothing = self.write(SENDERS[0], RECIPIENTS[:1], MESSAGES["plain"])._replace(data=b"")
        for one in (*self.truncated, *(() if self.ingress.form == "raw" else (nothing,))):
            with pytest.raises(Truncated):
                self.read(one)

    def test_a_beginning_is_not_a_whole_input(self) -> None:
        """Wherever the MTA died while it wrote, the input counts for nothing."""
        ends_itself = self.ingress.form == "bsmtp" if self.ends_itself is None else self.ends_itself
        if not ends_itself:
            pytest.skip("where this input ends, its end says")
        whole = self.write(SENDERS[0], RECIPIENTS[: self.at_once], MESSAGES["dots"])
        size = len(whole.data)
        for cut in sorted({size * part // _CUTS for part in range(_CUTS)} | {size - 2, size - 1}):
            with pytest.raises(Truncated):
                self.read(whole._replace(data=whole.data[:cut]))

    def test_a_stream_that_fails_is_not_a_whole_input(self) -> None:
        """A read error is not an end."""
        whole = self.write(SENDERS[0], RECIPIENTS[:1], MESSAGES["large"])
        failure: Exception | None = None
        try:
            self.read(whole, Failing(whole.data[: len(whole.data) // 2]))
        except (OSError, GatewayError) as error:
            failure = error
        assert failure is not None, "a read error was taken for the end of the input"
        assert not isinstance(failure, GatewayError) or not failure.permanent, "a read error is temporary"

    def test_whatever_comes_in_only_failures_of_the_gateway_come_out(self) -> None:
        """No input makes it crash."""

        # Made here for each suite: one property cannot be run for several classes.
        @settings(deadline=None)  # on a busy machine an example may take any time
        @given(data=st.binary(max_size=300), arguments=st.lists(st.text(max_size=20), max_size=3))
        def law(data: bytes, arguments: list[str]) -> None:
            failure = None
            try:
                self.read(Input(data, tuple(arguments)))
            except GatewayError as error:
                failure = error
            assert failure is None or str(failure)

        law()
