"""Who was told of waiting packets: remembered as a whole, and every report sent once whatever dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.spool import delayed
from gateway.spool.delayed import Memory
from gateway.spool.layout import Job
from gateway.spool.spool import Spool
from tests.spool.samples import text_of

Put = Callable[..., Job]
OTHER = text_of("another node")
FIRST, SECOND = text_of("first report"), text_of("second report")
NAMES = [text_of(number) for number in range(4)]


def aside(spool: Spool, node: str, *names: str) -> None:
    for name in names:
        with spool.stage() as staged:
            staged.write(b"report")
            staged.complete()
            delayed.prepare(spool, node, staged, name)


def arrived(spool: Spool) -> list[str]:
    return [job.name for job in spool.jobs(OTHER, "rx")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(NAMES), st.floats(0, 2e9)),
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.text(max_size=5)).map(tuple)),
    st.lists(st.text(max_size=5)).map(tuple),
)
def test_what_is_remembered_of_packets_that_are_here_is_recalled(
    spool: Spool,
    put: Put,
    bob: str,
    told: dict[str, float],
    senders: dict[str, tuple[str, ...]],
    reports: tuple[str, ...],
) -> None:
    put(NAMES[0], "tx")
    put(NAMES[1], "hold")
    put(NAMES[2], "trash")
    delayed.remember(spool, bob, Memory(told, senders, reports))
    here = NAMES[:3]
    expected = Memory(
        {name: when for name, when in told.items() if name in here},
        {name: who for name, who in senders.items() if name in here},
        reports,
    )
    assert expected == delayed.recall(spool, bob)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"senders": 1, "reports": {}}', '{"senders": {"A": "x"}, "reports": null}']
)
def test_of_what_makes_no_sense_nothing_is_recalled(spool: Spool, bob: str, content: str) -> None:
    path = Path(spool.paths.delayed(bob))
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert Memory() == delayed.recall(spool, bob)


def test_what_an_older_version_remembered_is_kept(spool: Spool, put: Put, bob: str) -> None:
    put(NAMES[0], "tx")
    Path(spool.paths.delayed(bob)).write_text(f'{{"{NAMES[0]}": 5}}')
    assert Memory({NAMES[0]: 5.0}) == delayed.recall(spool, bob)


def test_reports_go_out_together(spool: Spool, bob: str) -> None:
    aside(spool, bob, FIRST, SECOND)
    assert sorted([FIRST, SECOND]) == delayed.unsettled(spool, bob)
    assert [] == arrived(spool)
    delayed.send(spool, bob, Memory(reports=(f"{OTHER}/{FIRST}", f"{OTHER}/{SECOND}")))
    assert sorted([FIRST, SECOND]) == sorted(arrived(spool))
    assert [] == delayed.unsettled(spool, bob)


def test_what_nobody_remembers_is_thrown_away(spool: Spool, bob: str) -> None:
    aside(spool, bob, FIRST)
    delayed.remember(spool, bob, Memory(reports=(f"{OTHER}/{SECOND}", f"../{FIRST}")))
    delayed.settle(spool, bob)
    assert ([], []) == (arrived(spool), delayed.unsettled(spool, bob))


def test_what_is_remembered_is_sent_by_whoever_comes_next(spool: Spool, bob: str) -> None:
    aside(spool, bob, FIRST, SECOND)
    delayed.remember(spool, bob, Memory(reports=(f"{OTHER}/{FIRST}",)))
    delayed.settle(spool, bob)
    assert ([FIRST], []) == (arrived(spool), delayed.unsettled(spool, bob))
    delayed.settle(spool, bob)
    assert [FIRST] == arrived(spool)


def test_whatever_else_lies_there_is_left_alone(spool: Spool, bob: str) -> None:
    aside(spool, bob, FIRST)
    stranger = Path(spool.paths.delay_reports(bob), "README")
    stranger.touch()
    delayed.settle(spool, bob)
    assert stranger.exists()
    assert [] == delayed.unsettled(spool, bob)
