"""A packet that leaves by SMTP: what was answered for each recipient is remembered over attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gateway.config.model import Handle
from tests.defaults.smtp_server import Listener
from tests.engine.parties import Party, carry

BATCH = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nRCPT TO:<later@b.example>\nRCPT TO:<no@b.example>\n"
    b"DATA\nSubject: hi\n\nhello\n.\n"
)


@pytest.fixture
def listen() -> Iterator[Callable[[dict[str, object]], Listener]]:
    made: list[Listener] = []

    def start(script: dict[str, object]) -> Listener:
        made.append(Listener(script))
        return made[-1]

    yield start
    for one in made:
        one.close()


def recipients(listener: Listener) -> list[list[str]]:
    return [
        [line.removeprefix("RCPT TO:") for line in record["commands"] if line.startswith("RCPT")]
        for record in listener.sessions()
    ]


def test_only_the_deferred_recipient_is_tried_again(
    alice: Party, bob: Party, listen: Callable[[dict[str, object]], Listener]
) -> None:
    listener = listen(
        {"RCPT TO:<later@b.example>": ["450 later", "250 ok"], "RCPT TO:<no@b.example>": "550 no"}
    )
    handle = Handle("rsmtp", egress="smtp", form="bsmtp", options={"address": listener.address})
    bob.knows(alice, handles={"rsmtp": handle})
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    bob.toss()
    assert 1 == len(bob.jobs("work"))
    bob.toss()
    first = ["<x@b.example>", "<later@b.example>", "<no@b.example>"]
    assert [first, ["<later@b.example>"]] == recipients(listener)
    assert [[], 1] == [bob.jobs("work"), len(bob.jobs("hold"))]
    assert any("no@b.example: 550 no" in words for words in bob.said)


def test_what_was_taken_is_on_disk_before_the_rest_is_answered(
    alice: Party, bob: Party, listen: Callable[[dict[str, object]], Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between two recipients of one transaction does not repeat the first."""
    listener = listen({"lmtp": True, ".": ["250 ok", "451 later"]})
    options = {"address": listener.address, "protocol": "lmtp"}
    bob.knows(alice, handles={"rsmtp": Handle("rsmtp", egress="smtp", form="bsmtp", options=options)})
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    records: list[dict[str, tuple[str, ...] | None]] = []
    record = type(bob.spool).record

    def note(self: object, job: object, what: object) -> None:
        records.append(dict(what.taken))  # type: ignore[attr-defined]
        record(self, job, what)  # type: ignore[arg-type]

    monkeypatch.setattr(type(bob.spool), "record", note)
    bob.toss()
    # once for the first answer, once for the others, once for the attempt as a whole
    assert [{"0": ("x@b.example",)}] * 3 == records
