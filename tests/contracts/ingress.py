"""What every ingress owes the gateway. Inherit, give the samples, and pytest asks."""

from __future__ import annotations

import builtins
import io
import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Envelope, GatewayError, Ingress, Malformed, Truncated

HOSTILE = {
    "USER": "evil",
    "LOGNAME": "evil",
    "LOCAL_PART": "NULL",
    "RECIPIENT": "evil@evil.example",
    "SENDER": "evil@evil.example",
    "HOME": "",
}


class Input(NamedTuple):
    """What an MTA gives to the pipe command."""

    data: bytes
    arguments: tuple[str, ...] = ()


class OneByteAtATime(io.RawIOBase):
    """A pipe whose writer is slow."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(1, len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count


class IngressContract:
    """Set the attributes; `whole` and `malformed` must not be empty."""

    ingress: Ingress
    whole: Sequence[Input]
    malformed: Sequence[Input]
    truncated: Sequence[Input] = ()

    def read(
        self, given_input: Input, environ: Mapping[str, str] | None = None, *, slow: bool = False
    ) -> list[tuple[Envelope | None, bytes, tuple[str, ...]]]:
        data = given_input.data
        stream = io.BufferedReader(OneByteAtATime(data)) if slow else io.BytesIO(data)
        submissions = self.ingress.read(given_input.arguments, stream, environ or {})
        return [(one.envelope, one.message.read(), one.arguments) for one in submissions]

    def test_it_names_itself_its_handles_and_its_form(self) -> None:
        assert isinstance(self.ingress, Ingress)
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.ingress.name)
        assert isinstance(self.ingress.handles, tuple)
        assert all(re.fullmatch(r"[^\s/\0]+", handle) for handle in self.ingress.handles)
        assert self.ingress.form in {"bsmtp", "rmail", "sendmail", "raw"}

    def test_a_whole_input_gives_submissions_with_envelopes(self) -> None:
        for one in self.whole:
            found = self.read(one)
            assert found
            if self.ingress.form != "raw":
                assert all(isinstance(envelope, Envelope) for envelope, _, _ in found)

    def test_how_the_input_arrives_makes_no_difference(self) -> None:
        for one in self.whole:
            assert self.read(one) == self.read(one, slow=True)

    def test_nothing_is_taken_from_an_environment_that_the_sender_fills(self) -> None:
        for one in self.whole:
            assert self.read(one) == self.read(one, HOSTILE)

    def test_a_message_that_nobody_reads_does_no_harm(self) -> None:
        for one in self.whole:
            envelopes = [s.envelope for s in self.ingress.read(one.arguments, io.BytesIO(one.data), {})]
            assert [envelope for envelope, _, _ in self.read(one)] == envelopes

    def test_it_opens_no_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for one in self.whole:
            self.read(one)  # what is imported on first use is imported now

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("an ingress opens no files")

        monkeypatch.setattr(builtins, "open", refuse)
        monkeypatch.setattr(os, "open", refuse)
        for one in self.whole:
            self.read(one)

    def test_malformed_input_is_permanent(self) -> None:
        assert self.malformed
        for one in self.malformed:
            with pytest.raises(Malformed):
                self.read(one)

    def test_input_that_ends_early_is_temporary(self) -> None:
        for one in self.truncated:
            with pytest.raises(Truncated) as failure:
                self.read(one)
            assert not failure.value.permanent

    def test_whatever_comes_in_only_failures_of_the_gateway_come_out(self) -> None:
        # Made here for each suite: one property cannot be run for several classes.
        @given(data=st.binary(max_size=300), arguments=st.lists(st.text(max_size=20), max_size=3))
        def law(data: bytes, arguments: list[str]) -> None:
            failure = None
            try:
                self.read(Input(data, tuple(arguments)))
            except GatewayError as error:
                failure = error
            assert failure is None or str(failure)

        law()
