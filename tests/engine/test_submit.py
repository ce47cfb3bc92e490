from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import pytest

from gateway.engine.draft import Order
from gateway.engine.submit import Submitter
from gateway.errors import Malformed, PluginError, Refused, SpoolError, Truncated, UnknownNode
from gateway.mail.bsmtp import read as read_bsmtp
from gateway.mta import EventKind, Submission
from tests.engine.parties import BATCH, Party, carry


class Batches:
    """An ingress like Exim's, without the plugin."""

    name = "batches"
    handles = ("rsmtp",)
    form = "bsmtp"

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        for transaction in read_bsmtp(stream):
            yield Submission(transaction.envelope, transaction.message)


def submit(party: Party, body: bytes, node: str | None = None, handle: str | None = None) -> list[str]:
    drafts = Submitter(party.config, party.spool, party.registry()).submit(
        Batches(), (), io.BytesIO(body), {"MESSAGE_ID": "1abc"}, node=node, handle=handle, order=Order()
    )
    return [draft.node.name for draft in drafts]


def test_committed_in_the_first_hops_queue_and_told(alice: Party, bob: Party) -> None:
    assert ["bob"] == submit(alice, BATCH, "bob")
    (name,) = alice.jobs("tx")
    (event,) = alice.events
    assert (EventKind.SUBMITTED, name, "bob") == (event.kind, event.packet, event.node)
    assert "1abc" == event.detail["message_id"]
    assert [] == alice.tmp()


def test_a_batch_arrives_as_it_was(alice: Party, bob: Party) -> None:
    submit(alice, BATCH, "bob")
    carry(alice, bob)
    bob.toss()
    assert [("joe@a.example", ("x@b.example",), b"Subject: hi\n\nhello\n.dot\n")] == bob.memory.got


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", Truncated),
        (BATCH[:-2], Truncated),
        (BATCH[:60], Truncated),
        (b"MAIL FROM:<>\n", Truncated),
        (b"HELO x\n", Truncated),
        (b"DATA\n", Malformed),
        (b"MAIL FROM:<a b@c>\nRCPT TO:<x@y>\nDATA\n.\n", Malformed),
    ],
)
def test_nothing_of_a_bad_input_is_queued(
    alice: Party, bob: Party, body: bytes, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        submit(alice, body, "bob")
    assert ([], []) == (alice.jobs("tx"), alice.tmp())


def test_a_later_transaction_can_spoil_the_whole_input(alice: Party, bob: Party) -> None:
    with pytest.raises(Truncated):
        submit(alice, BATCH + BATCH[:-4], "bob")
    assert ([], []) == (alice.jobs("tx"), alice.tmp())


def test_recipients_are_routed_one_by_one(alice: Party, bob: Party, party: Callable[[str], Party]) -> None:
    carol = party("carol")
    alice.knows(carol)
    carol.knows(alice)
    alice.reconfigure(routes={"b.example": "bob", "*": "carol"})
    body = BATCH.replace(b"DATA", b"RCPT TO:<y@c.example>\nRCPT TO:<z@b.example>\nDATA")
    assert ["bob", "carol"] == submit(alice, body)
    for other in (bob, carol):
        carry(alice, other)
        other.toss()
    assert [("x@b.example", "z@b.example")] == [recipients for _, recipients, _ in bob.memory.got]
    assert [("y@c.example",)] == [recipients for _, recipients, _ in carol.memory.got]


def test_no_route_is_temporary_and_names_the_address(alice: Party, bob: Party) -> None:
    alice.reconfigure(routes={"else.example": "bob"})
    with pytest.raises(UnknownNode, match=r"x@b\.example"):
        submit(alice, BATCH)


def test_an_unknown_node_is_temporary(alice: Party) -> None:
    with pytest.raises(UnknownNode, match="nobody"):
        submit(alice, BATCH, "nobody")


def test_all_are_staged_before_the_first_is_committed(
    alice: Party, bob: Party, party: Callable[[str], Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.knows(party("carol"))
    alice.reconfigure(routes={"b.example": "bob", "*": "carol"})
    seen: list[tuple[list[str], int]] = []
    commit = alice.spool.commit

    def watch(*args: object, **more: object) -> None:
        seen.append((alice.jobs("tx"), len(alice.tmp())))
        commit(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(alice.spool, "commit", watch)
    submit(alice, BATCH.replace(b"DATA", b"RCPT TO:<y@c.example>\nDATA"))
    assert ([], 2) == seen[0]


def test_a_failing_second_commit_leaves_nothing_staged(
    alice: Party, bob: Party, party: Callable[[str], Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.knows(party("carol"))
    alice.reconfigure(routes={"b.example": "bob", "*": "carol"})
    commit = alice.spool.commit
    calls: list[object] = []

    def fail_second(*args: object, **more: object) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise SpoolError("disk full")
        commit(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(alice.spool, "commit", fail_second)
    with pytest.raises(SpoolError, match="disk full"):
        submit(alice, BATCH.replace(b"DATA", b"RCPT TO:<y@c.example>\nDATA"))
    assert (1, []) == (len(alice.jobs("tx")), alice.tmp())


def test_raw_arguments_and_body_pass_untouched(alice: Party, bob: Party) -> None:
    from gateway.config.model import Handle

    handle = Handle("h", egress="command", command=("/bin/sh", "-c", 'echo "$@"; cat'), arguments="any")
    bob.knows(alice, handles={"h": handle})
    alice.submit(b"\0body", "bob", "h", "-x", "", "two words")
    carry(alice, bob)
    assert "delivered 1" == str(bob.toss())


def test_too_many_arguments_are_malformed(alice: Party, bob: Party) -> None:
    with pytest.raises(Malformed, match="255"):
        alice.submit(b"", "bob", "sendmail", *[f"user{i}@far.example" for i in range(20)])
    assert [] == alice.tmp()


def test_larger_than_max_size_is_malformed(alice: Party, bob: Party) -> None:
    with pytest.raises(Malformed):
        alice.submit(bytes(5000), "bob", "h", compress=False, max_size=4096)
    assert ([], []) == (alice.jobs("tx"), alice.tmp())


def test_a_plugin_can_refuse_and_a_broken_one_defers(alice: Party, bob: Party) -> None:
    registry = alice.registry()

    class Policy:
        error: Exception = Refused("no")

        def check(self, envelope: object, node: str) -> None:
            raise self.error

    registry.check_submission = Policy().check  # type: ignore[method-assign]
    submitter = Submitter(alice.config, alice.spool, registry)
    with pytest.raises(Refused):
        submitter.submit(Batches(), (), io.BytesIO(BATCH), {}, node="bob", order=Order())
    alice.reconfigure(plugins=("missing",))
    with pytest.raises(PluginError, match="missing: not installed"):
        Submitter(alice.config, alice.spool, _plain(alice)).submit(
            Batches(), (), io.BytesIO(BATCH), {}, node="bob", order=Order()
        )
    assert ([], []) == (alice.jobs("tx"), alice.tmp())


def _plain(party: Party):  # type: ignore[no-untyped-def]
    from gateway.registry import Registry

    return Registry(party.config, report=party.said.append)
