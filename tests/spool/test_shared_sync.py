"""Many threads, one sync: nobody returns before a sync that began after he came."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import pytest

from gateway.errors import SpoolError
from gateway.spool import durable
from gateway.spool.shared_sync import SharedSync

LIMIT = 30


class Disk:
    """Directory syncs that take their time, and when each began and ended, in steps of one clock."""

    def __init__(self) -> None:
        self.clock = count()
        self.syncs: list[tuple[str, int, int]] = []
        self.failing = False

    def sync(self, path: str) -> None:
        begun = next(self.clock)
        time.sleep(0.005)
        if self.failing:
            raise SpoolError(f"{path}: no")
        self.syncs.append((path, begun, next(self.clock)))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    one = Disk()
    monkeypatch.setattr(durable, "sync_directory", one.sync)
    return one


def test_whoever_returns_was_covered_and_syncs_are_shared(disk: Disk) -> None:
    shared = SharedSync()

    def call(path: str) -> tuple[str, int, int]:
        came = next(disk.clock)
        shared(path)
        return path, came, next(disk.clock)

    with ThreadPoolExecutor(16) as pool:
        calls = list(pool.map(call, ["/d", "/d", "/d", "/e"] * 60, timeout=LIMIT))
    for path, came, left in calls:
        assert any(path == synced and came < begun and ended < left for synced, begun, ended in disk.syncs)
    assert len(calls) / 2 > len(disk.syncs)
    for path in ("/d", "/e"):
        moments = [(begun, ended) for synced, begun, ended in disk.syncs if synced == path]
        assert sorted(moments) == moments
        assert all(one[1] < other[0] for one, other in pairwise(moments))


def test_a_sync_that_fails_fails_for_all_who_share_it(disk: Disk) -> None:
    shared = SharedSync()
    disk.failing = True
    together = threading.Barrier(8)

    def call(_: int) -> str:
        together.wait(LIMIT)
        try:
            shared("/d")
        except SpoolError as failure:
            return str(failure)
        return "it worked"

    with ThreadPoolExecutor(8) as pool:
        assert ["/d: no"] * 8 == list(pool.map(call, range(8), timeout=LIMIT))
    disk.failing = False
    shared("/d")
    assert 1 == len(disk.syncs)
