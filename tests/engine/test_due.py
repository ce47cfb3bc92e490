from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.due import RUN, Due, in_runs
from gateway.spool.layout import Job

MADE = st.tuples(st.integers(1, 3), st.sampled_from([b"alice", b"bob"]), st.integers(0, 1000))


def due(made: list[tuple[int, bytes, int]]) -> list[Due]:
    rows = [
        Due(niceness, sender, Job("NODE", "rx", str(number), 0, float(mtime)))
        for number, (niceness, sender, mtime) in enumerate(made)
    ]
    return sorted(rows, key=lambda row: row.order)


@given(st.lists(MADE, max_size=300))
def test_runs_lose_nothing_and_change_neither_urgency_nor_the_order_of_one_sender(
    made: list[tuple[int, bytes, int]],
) -> None:
    ordered = due(made)
    row_of = {row.job: row for row in ordered}
    told = [row_of[job] for job in in_runs(ordered)]
    assert sorted(ordered) == sorted(told)
    assert [row.niceness for row in ordered] == [row.niceness for row in told]
    for sender in (b"alice", b"bob"):
        assert [row for row in ordered if row.sender == sender] == [r for r in told if r.sender == sender]


def test_the_next_sender_has_his_turn_after_one_run() -> None:
    made = [(1, b"alice", number) for number in range(RUN + 10)] + [(1, b"bob", 1)]
    ordered = due(made)
    row_of = {row.job: row for row in ordered}
    runs = groupby(in_runs(ordered), key=lambda job: row_of[job].sender)
    assert [(b"alice", RUN), (b"bob", 1), (b"alice", 10)] == [(who, len(list(jobs))) for who, jobs in runs]


def test_what_has_no_header_comes_first() -> None:
    assert (0, b"") == Due.of(Job("NODE", "rx", "NAME", 0, 0.0), b"no header")[:2]
