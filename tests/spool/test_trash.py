"""What a person removed: in the trash, marked, restored, and gone when it has expired."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.engine.intervention import empty_trash
from gateway.errors import UnknownJob
from gateway.spool import mark, trash
from gateway.spool.check import Check
from gateway.spool.layout import Job
from gateway.spool.record import JobRecord
from gateway.spool.spool import Spool
from tests.spool.samples import PACKET, text_of

Put = Callable[..., Job]
Files = Callable[[], set[str]]


@pytest.mark.parametrize("box", ["rx", "work"])
def test_an_inbound_job_is_marked_and_restored_to_hold(
    spool: Spool, put: Put, name: str, bob: str, files: Files, box: str
) -> None:
    job = put(name)
    if box == "work":
        job = spool.begin(job)
        spool.record(job, JobRecord(attempts=2, error="451 later", taken={"0": None}))
    trashed = trash.discard(spool, job, "spam", 1e10)
    assert trashed is not None
    assert {f"{bob}/trash/{name}", f"{bob}/trash/{name}.json", f"{bob}/rx/seen/{name}"} == files()
    assert "seen" == spool.known(name)
    held = trash.restore(spool, trashed)
    assert {f"{bob}/hold/{name}", f"{bob}/hold/{name}.json"} == files()
    record = spool.recorded(held)
    assert record is not None
    assert ("spam", box, 0.0) == (record.reason, record.origin, record.expires)
    if box == "work":
        assert ({"0": None}, 2) == (record.taken, record.attempts)
    assert "work" == spool.release(held).box


def test_an_outbound_job_goes_back_to_tx(spool: Spool, put: Put, name: str, bob: str, files: Files) -> None:
    held = spool.hold(put(name, "tx"), "storm")
    trashed = trash.discard(spool, held, "over", 1e10)
    assert trashed is not None
    assert {f"{bob}/trash/{name}", f"{bob}/trash/{name}.json"} == files()
    assert "tx" == spool.release(trash.restore(spool, trashed)).box
    with spool.open(Job(bob, "tx", name, 0, 0.0)) as file:
        assert PACKET == file.read()


def test_why_it_was_held_is_kept(spool: Spool, put: Put, name: str) -> None:
    trashed = trash.discard(spool, spool.hold(put(name), "no handle"), "nobody wants it", 5.0)
    assert trashed is not None
    record = spool.recorded(trashed)
    assert record is not None
    assert ("nobody wants it", ("no handle",), "rx", 5.0) == (
        record.reason,
        record.history,
        record.origin,
        record.expires,
    )
    assert record == JobRecord.from_json(record.to_json())


def test_what_was_delivered_is_cleared_away_and_not_kept(
    spool: Spool, put: Put, name: str, bob: str, files: Files
) -> None:
    job = spool.begin(put(name))
    mark.make_by_name(spool, text_of("carol"), name)
    assert trash.discard(spool, job, "spam", 1e10) is None
    assert {f"{bob}/rx/seen/{name}", f"{text_of('carol')}/rx/seen/{name}"} == files()


def test_marks_of_copies_that_came_by_others_go_too(spool: Spool, put: Put, name: str) -> None:
    """Otherwise the next toss would take the restored job for delivered, and clear it away."""
    trashed = trash.discard(spool, put(name), "spam", 1e10)
    assert trashed is not None
    mark.make_by_name(spool, text_of("carol"), name)
    trash.restore(spool, trashed)
    assert "hold" == spool.known(name)


def test_what_is_not_there_is_neither_removed_nor_restored(spool: Spool, put: Put, name: str) -> None:
    job = put(name)
    with pytest.raises(UnknownJob):
        trash.restore(spool, job)
    spool.hold(job, "meanwhile")
    with pytest.raises(UnknownJob):
        trash.discard(spool, job, "spam", 1e10)
    assert "hold" == spool.known(name)


def test_only_what_has_expired_is_removed_for_good(spool: Spool, put: Put, bob: str, files: Files) -> None:
    names = {word: text_of(word) for word in ("old", "new", "without", "damaged")}
    for word, expires in (("old", 100.0), ("new", 101.0), ("without", 0.0), ("damaged", 1.0)):
        trash.discard(spool, put(names[word], "tx"), "because", expires)
    with open(spool.paths.record(bob, "trash", names["damaged"]), "w") as file:
        file.write("{")
    assert [names["old"]] == empty_trash(spool, 100.0)
    assert {names["new"], names["without"], names["damaged"]} == {
        path.rpartition("/")[2] for path in files() if not path.endswith((".json", ".lock"))
    }


def test_emptying_leaves_the_mark(spool: Spool, put: Put, name: str, bob: str, files: Files) -> None:
    trash.discard(spool, put(name), "spam", 1.0)
    assert [name] == empty_trash(spool, 2.0)
    assert {f"{bob}/rx/seen/{name}", f"{bob}/toss.lock"} == files()


def test_what_was_removed_before_the_clock_was_set_is_not_expired(spool: Spool, put: Put, name: str) -> None:
    trash.discard(spool, put(name), "spam", 30 * 86400.0)
    assert [] == empty_trash(spool, 1.7e9)
    checked = Check(spool, 1.7e9, keep=100.0)
    (found,) = [each for each in checked.flaws(contents=False) if each.path.endswith(f"trash/{name}")]
    assert "expiry" == found.kind
    assert found.mend is not None
    found.mend()
    (job,) = spool.jobs(spool.nodes()[0], "trash")
    record = spool.recorded(job)
    assert record is not None
    assert 1.7e9 + 100.0 == record.expires
