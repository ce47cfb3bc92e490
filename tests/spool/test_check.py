"""A check of the spool: a sound one has nothing, every damage has its word, and mending mends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import LockBusy
from gateway.packet.mth import MerkleTree
from gateway.spool import delayed, mark, mend, trash
from gateway.spool.answer import answer
from gateway.spool.check import LONG, SETTLED, Check
from gateway.spool.flaw import Flaw
from gateway.spool.layout import Job
from gateway.spool.record import JobRecord
from gateway.spool.spool import Spool
from tests.spool.samples import HEADER, PACKET, text_of

Put = Callable[..., Job]
LATER = time.time() + 60 * SETTLED
"""By then nothing of what the tests make is in the making, however long they take."""


def named(content: bytes = PACKET) -> str:
    tree = MerkleTree()
    tree.update(content)
    return tree.name()


NAME = named()


def checked(spool: Spool, now: float = LATER, **how: bool) -> list[Flaw]:
    return list(Check(spool, now, own=text_of("self"), keep=1000.0).flaws(**how))


def kinds(spool: Spool, now: float = LATER) -> list[str]:
    return sorted(flaw.kind for flaw in checked(spool, now))


def mended(spool: Spool, now: float = LATER) -> None:
    for flaw in checked(spool, now):
        assert flaw.mend is not None, flaw
        flaw.mend()


def box(spool: Spool, node: str, *parts: str) -> Path:
    path = Path(spool.paths.node(node), *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def full(spool: Spool, put: Put) -> list[Job]:
    """A sound spool with a packet in every box, each of another neighbour."""
    contents = [PACKET + bytes([number]) for number in range(6)]
    jobs = [
        put(named(content), "tx" if number in (1, 5) else "rx", text_of(number), content)
        for number, content in enumerate(contents)
    ]
    jobs[2] = spool.begin(jobs[2])
    spool.record(jobs[2], JobRecord(attempts=1, error="451 later"))
    jobs[3] = spool.hold(jobs[3], "no handle")
    trashed = [trash.discard(spool, job, "spam", LATER + 1000) for job in jobs[4:]]
    mark.make_by_name(spool, text_of(0), text_of("before"))
    return [*jobs[:4], *(job for job in trashed if job)]


def test_a_sound_spool_has_nothing(spool: Spool, full: list[Job]) -> None:
    assert 6 == len(full)
    assert [] == checked(spool)


def test_an_empty_spool_has_nothing(spool: Spool) -> None:
    os.mkdir(spool.root)
    assert [] == checked(spool)


def test_the_bytes_that_are_read_are_told(spool: Spool, full: list[Job]) -> None:
    told: list[int] = []
    check = Check(spool, LATER, keep=1.0)
    assert [] == list(check.flaws(advance=told.append))
    assert check.size == sum(told) == sum(job.size for job in full)
    assert [] == list(check.flaws(contents=False, advance=lambda size: pytest.fail("read")))


def _tmp(spool: Spool, bob: str, put: Put) -> None:
    box(spool, bob, "..", "tmp", "gw" + "0" * 24).write_bytes(b"half")


def _record(spool: Spool, bob: str, put: Put) -> None:
    spool.record(Job(bob, "work", NAME, 0, 0.0), JobRecord())


def _no_reason(spool: Spool, bob: str, put: Put) -> None:
    job = spool.hold(put(NAME), "because")
    os.unlink(spool.paths.record(bob, "hold", job.name))


def _no_expiry(spool: Spool, bob: str, put: Put) -> None:
    trash.discard(spool, put(NAME), "spam", 0.0)


def _expired(spool: Spool, bob: str, put: Put) -> None:
    trash.discard(spool, put(NAME), "spam", LATER - 1)


def _unmarked(spool: Spool, bob: str, put: Put) -> None:
    trash.discard(spool, put(NAME), "spam", 1e10)
    os.unlink(spool.paths.seen(bob, NAME))


def _hdr_without_packet(spool: Spool, bob: str, put: Put) -> None:
    box(spool, bob, "tx", "hdr", NAME).write_bytes(HEADER)


def _hdr_that_disagrees(spool: Spool, bob: str, put: Put) -> None:
    put(NAME, "tx")
    box(spool, bob, "tx", "hdr", NAME).write_bytes(HEADER[:-1] + b"!")


def _hdr_cut_off(spool: Spool, bob: str, put: Put) -> None:
    put(NAME)
    box(spool, bob, "rx", "hdr", NAME).write_bytes(b"")


def _mode_of_packet(spool: Spool, bob: str, put: Put) -> None:
    put(NAME)
    os.chmod(spool.paths.packet(bob, "rx", NAME), 0o077)


def _mode_of_directory(spool: Spool, bob: str, put: Put) -> None:
    put(NAME)
    os.chmod(spool.paths.box(bob, "rx"), 0o777)


def _damaged(where: str) -> Callable[[Spool, str, Put], None]:
    def damage(spool: Spool, bob: str, put: Put) -> None:
        job = put(NAME, "tx" if where == "tx" else "rx", content=PACKET + b"!")
        if where == "work":
            spool.begin(job)

    return damage


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (_tmp, "unfinished"),
        (_record, "record"),
        (_no_reason, "reason"),
        (_no_expiry, "expiry"),
        (_expired, "expired"),
        (_unmarked, "unmarked"),
        (_hdr_without_packet, "hdr"),
        (_hdr_that_disagrees, "hdr"),
        (_hdr_cut_off, "hdr"),
        (_mode_of_directory, "mode"),
        (_damaged("tx"), "name"),
        (_damaged("rx"), "name"),
        (_damaged("work"), "name"),
    ],
)
def test_what_can_be_mended_is(
    spool: Spool, bob: str, put: Put, full: list[Job], damage: Callable[[Spool, str, Put], None], kind: str
) -> None:
    damage(spool, bob, put)
    assert [kind] == kinds(spool)
    mended(spool)
    assert [] == checked(spool)


def test_a_mode_that_shuts_out_and_lets_in_is_mended(spool: Spool, bob: str, put: Put) -> None:
    _mode_of_packet(spool, bob, put)
    assert {"mode"} == {f.kind for f in checked(spool, contents=False) if "unreadable" != f.kind}
    for flaw in checked(spool, contents=False):
        if flaw.mend:
            flaw.mend()
    assert 0o475 == os.stat(spool.paths.packet(bob, "rx", NAME)).st_mode & 0o777
    assert [] == checked(spool)


def _unreadable_record(spool: Spool, bob: str, put: Put) -> None:
    job = spool.hold(put(NAME), "because")
    Path(spool.paths.record(bob, "hold", job.name)).write_text("{")


def _marked(spool: Spool, bob: str, put: Put) -> None:
    spool.hold(put(NAME), "because")
    mark.make_by_name(spool, bob, NAME)


def _twice(spool: Spool, bob: str, put: Put) -> None:
    spool.hold(put(NAME, "tx"), "because")
    put(NAME, "tx")


def _twice_inbound(spool: Spool, bob: str, put: Put) -> None:
    spool.hold(put(NAME), "because")
    spool.begin(put(NAME))


def _stranger(*parts: str) -> Callable[[Spool, str, Put], None]:
    return lambda spool, bob, put: box(spool, bob, *parts).write_bytes(b"?") and None


def _odd_mark(spool: Spool, bob: str, put: Put) -> None:
    box(spool, bob, "rx", "seen", NAME).mkdir()


def _fifo(spool: Spool, bob: str, put: Put) -> None:
    os.mkfifo(box(spool, bob, "rx", NAME))


def _held_damaged(spool: Spool, bob: str, put: Put) -> None:
    spool.hold(put(NAME, content=PACKET + b"!"), "no handle")


@pytest.mark.parametrize(
    ("leave", "kind"),
    [
        (_unreadable_record, "record-unreadable"),
        (_marked, "marked"),
        (_twice, "twice"),
        (_twice_inbound, "twice"),
        (_stranger("rx", "README"), "stranger"),
        (_stranger("tx", f"{NAME}.json"), "stranger"),
        (_stranger("rx", "seen", "README"), "stranger"),
        (_odd_mark, "stranger"),
        (_fifo, "stranger"),
        (_held_damaged, "name"),
    ],
)
def test_what_is_for_a_person_is_not_mended(
    spool: Spool, bob: str, put: Put, full: list[Job], leave: Callable[[Spool, str, Put], None], kind: str
) -> None:
    leave(spool, bob, put)
    [flaw] = checked(spool)
    assert (kind, None) == (flaw.kind, flaw.mend)
    assert flaw.advice
    assert flaw.path.startswith(bob)


def test_a_held_packet_whose_reason_says_that_it_is_damaged_is_known(
    spool: Spool, bob: str, put: Put
) -> None:
    spool.hold(put(NAME, content=b"no packet"), "not-a-packet: too short")
    assert [] == checked(spool)


def test_what_is_young_may_be_in_the_making(spool: Spool, bob: str, put: Put) -> None:
    _tmp(spool, bob, put)
    _record(spool, bob, put)
    _hdr_without_packet(spool, bob, put)
    assert [] == kinds(spool, time.time())


def test_what_somebody_is_writing_is_his(spool: Spool) -> None:
    with spool.stage() as staged:
        staged.write(b"half")
        assert [] == kinds(spool)
    assert [] == kinds(spool)


def test_parts_are_waited_for(spool: Spool, bob: str) -> None:
    box(spool, bob, "rx", f"{NAME}.part").write_bytes(b"half")
    assert [] == kinds(spool)
    assert ["part"] == kinds(spool, time.time() + LONG + 10)


def test_files_of_another_user(spool: Spool, bob: str, put: Put) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    put(NAME)
    os.chown(spool.paths.packet(bob, "rx", NAME), 12345, -1)
    [flaw] = checked(spool)
    assert ("owner", None) == (flaw.kind, flaw.mend)
    assert "chown" in flaw.advice


def test_mending_respects_who_is_at_work(spool: Spool, bob: str, put: Put) -> None:
    _damaged("rx")(spool, bob, put)
    [flaw] = checked(spool)
    assert flaw.mend is not None
    with spool.lock(bob, "toss"), pytest.raises(LockBusy):
        flaw.mend()
    assert ["name"] == kinds(spool)


def test_an_outbound_packet_without_a_reason_can_be_released_to_tx(spool: Spool, bob: str, put: Put) -> None:
    job = spool.hold(put(NAME, "tx"), "because")
    os.unlink(spool.paths.record(bob, "hold", NAME))
    mend.give_reason(spool, job, outbound=True)
    assert "tx" == spool.release(job).box


@pytest.mark.parametrize("remembered", [True, False])
def test_reports_of_a_delay_that_were_left_aside_are_sent_if_it_is_remembered(
    spool: Spool, bob: str, remembered: bool
) -> None:
    hop, name = text_of("hop"), named(PACKET * 2)
    with spool.stage() as staged:
        staged.write(PACKET * 2)
        staged.complete()
        delayed.prepare(spool, bob, staged, name)
    delayed.remember(spool, bob, delayed.Memory(reports=(f"{hop}/{name}",) if remembered else ()))
    assert [] == checked(spool, time.time())
    assert ["answer"] == kinds(spool)
    mended(spool)
    assert [] == checked(spool)
    assert ([name] if remembered else []) == [sent.name for sent in spool.jobs(hop, "rx")]


@pytest.mark.parametrize("remembered", [True, False])
def test_a_report_that_was_on_its_way_is_sent_if_the_record_says_so(
    spool: Spool, put: Put, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """A crash on the way, and then a person held the job before the next attempt."""
    hop, job = text_of("hop"), spool.begin(put(NAME, "rx"))
    with monkeypatch.context() as dying, spool.stage() as staged:
        staged.write(PACKET * 2)
        staged.complete()
        dying.setattr("gateway.spool.answer.settle", lambda *_: None)
        answer(spool, job, JobRecord(), staged, hop=hop, name=named(PACKET * 2))
    assert [] == checked(spool), "the next attempt settles it"
    record = spool.recorded(job)
    assert record is not None
    if not remembered:
        record = JobRecord()
    spool.hold(job, "at a person's word", record)
    assert ["answer"] == kinds(spool)
    mended(spool)
    assert [] == checked(spool)
    assert ([named(PACKET * 2)] if remembered else []) == [sent.name for sent in spool.jobs(hop, "tx")]
