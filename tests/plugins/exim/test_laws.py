"""Laws of the egress, whatever the packet holds: nothing lost, nothing repeated, nothing guessed."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from gateway_exim.egress import EximEgress
from gateway_exim.options import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import Recipient, Verdict
from tests.plugins.exim.fake_exim import accepted, write_fake_exim
from tests.plugins.exim.material import TEXT, delivery, seen

KINDS = ["good", "good", "good", "bad", "many", "big", "full"]
transactions = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)


def fed(
    packet: list[list[str]], session: int, processes: int, *, bodies: bool = True
) -> tuple[Counter[str], dict[Verdict, list[str]]]:
    """Deliver a packet; return what the program accepted, and the recipients by verdict."""
    with tempfile.TemporaryDirectory() as folder:
        program = write_fake_exim(Path(folder))
        names = [[f"{kind}{i}x{j}@b.example" for j, kind in enumerate(one)] for i, one in enumerate(packet)]
        deliveries = [
            delivery(i, *one, command=[program, "-bS"], text=TEXT if bodies or i % 2 else b"S: x\n")
            for i, one in enumerate(names)
        ]
        verdicts: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
        for outcome in EximEgress(Options(session=session, processes=processes)).deliver(deliveries):
            recipients = outcome.recipients
            if recipients is None:
                recipients = tuple(map(Recipient, names[outcome.transaction]))
            verdicts[outcome.verdict] += map(str, recipients)
        return Counter(name for one in accepted(Path(folder)) for name in one), verdicts


def expected(one: list[str]) -> dict[str, Verdict]:
    """Return what should become of each kind of recipient in a transaction."""
    whole = Verdict.TAKEN
    rest = [kind for kind in one if kind != "bad"]
    if "big" in rest:
        whole = Verdict.REFUSED
    elif "full" in rest:
        whole = Verdict.DEFERRED
    return {kind: Verdict.REFUSED if kind == "bad" else whole for kind in one}


@given(
    packet=st.lists(transactions, min_size=1, max_size=6),
    session=st.integers(1, 7),
    processes=st.integers(1, 3),
    bodies=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_every_recipient_gets_what_it_should_exactly_once(
    packet: list[list[str]], session: int, processes: int, bodies: bool
) -> None:
    # "many" splits a transaction, so that "big" and "full" concern their own piece only: not both here.
    packet = [[k for k in one if k != "many"] if {"big", "full"} & {*one} else one for one in packet]
    packet = [one or ["good"] for one in packet]
    taken, verdicts = fed(packet, session, processes, bodies=bodies)
    for verdict in Verdict:
        wanted = [
            f"{kind}{i}x{j}@b.example"
            for i, one in enumerate(packet)
            for j, kind in enumerate(one)
            if expected(one)[kind] is verdict
        ]
        assert sorted(wanted) == sorted(verdicts[verdict])
    assert Counter(verdicts[Verdict.TAKEN]) == taken


@given(
    packet=st.lists(st.sampled_from(["good", "die", "bad"]), min_size=1, max_size=6),
    session=st.integers(1, 4),
    processes=st.integers(1, 2),
)
@settings(max_examples=15, deadline=None)
def test_whatever_dies_nothing_is_called_taken_that_is_not(
    packet: list[str], session: int, processes: int
) -> None:
    taken, verdicts = fed([[kind] for kind in packet], session, processes)
    assert set(verdicts[Verdict.TAKEN]) <= set(taken)
    assert len(verdicts[Verdict.TAKEN]) == len(set(verdicts[Verdict.TAKEN]))
    assert all(name.startswith("bad") for name in verdicts[Verdict.REFUSED])
    if session == 1:  # one transaction a process: death leaves no doubt about any other
        assert sorted(verdicts[Verdict.TAKEN]) == sorted(taken.elements())


def test_an_address_that_cannot_be_written_is_refused_before_anything_is_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway import Malformed

    written = Recipient.with_ascii_domain

    def fail(self: Recipient) -> str:
        if str(self).startswith("odd"):
            raise Malformed("no A-label for it")
        return written(self)

    monkeypatch.setattr(Recipient, "with_ascii_domain", fail)
    command = [write_fake_exim(tmp_path), "-bS"]
    deliveries = [delivery(i, name, command=command) for i, name in enumerate(["r0@b", "odd@b", "r2@b"])]
    outcomes = list(EximEgress(Options(session=3, processes=1)).deliver(deliveries))
    assert [(0, "taken", None), (1, "refused", None), (2, "taken", None)] == seen(outcomes)
    assert [("r0@b",), ("r2@b",)] == sorted(accepted(tmp_path))
