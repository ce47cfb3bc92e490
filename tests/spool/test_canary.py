"""Which canaries were sent: what is remembered, and what a file that makes no sense tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spool.canary import MOST, Canary, remember, sent
from gateway.spool.spool import Spool
from tests.spool.samples import text_of

NODE = text_of("node")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"))


def canary(number: int) -> Canary:
    return Canary(text_of(f"packet {number}"), text_of(f"inner {number}"), NODE, 1000.5 + number)


def test_what_was_sent_is_remembered_the_oldest_first(spool: Spool) -> None:
    assert [] == sent(spool, NODE)
    remember(spool, NODE, canary(1))
    remember(spool, NODE, canary(2))
    assert [canary(1), canary(2)] == sent(spool, NODE)
    assert [] == sent(spool, text_of("other"))


def test_the_oldest_are_forgotten(spool: Spool) -> None:
    for number in range(MOST + 2):
        remember(spool, NODE, canary(number))
    assert [canary(number) for number in range(2, MOST + 2)] == sent(spool, NODE)


@given(
    st.binary()
    | st.sampled_from([b"{}", b"[1]", b'[{"packet": 1, "inner": 2, "hop": 3, "queued": 4}]', b"[" * 100_000])
)
def test_a_file_that_makes_no_sense_tells_of_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    spool = Spool(str(tmp_path_factory.mktemp("spool")))
    path = Path(spool.paths.canary(NODE))
    path.parent.mkdir()
    path.write_bytes(content)
    assert [] == sent(spool, NODE)
    remember(spool, NODE, canary(1))
    assert [canary(1)] == sent(spool, NODE)
