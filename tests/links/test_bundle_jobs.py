"""Single jobs out of one spool and into another: proved, with their state, never twice."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import LockBusy, Truncated
from gateway.links.bundle.archive import END
from gateway.links.bundle.jobs import Imported, Importer, write_job
from gateway.links.bundle.read import Reader
from gateway.links.content import NotIntact
from gateway.packet.identity import encode
from gateway.spool import mark, trash
from gateway.spool.layout import Job
from gateway.spool.record import JobRecord
from gateway.spool.spool import Spool
from tests.engine.parties import BATCH, Party, carry

PROGRESS = JobRecord(attempts=3, first=5.0, next=1e10, error="451 later", taken={"0": ("x@b.example",)})


@pytest.fixture
def alice(tmp_path: Path) -> Party:
    return Party(tmp_path, "alice")


@pytest.fixture
def bob(tmp_path: Path, alice: Party) -> Party:
    """Bob, with a packet of Alice's in rx, and one for her in tx."""
    bob = Party(tmp_path, "bob")
    alice.knows(bob)
    bob.knows(alice)
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    bob.submit(BATCH, "alice")
    return bob


@pytest.fixture
def other(bob: Party, tmp_path: Path) -> Spool:
    """Another spool of Bob's."""
    (tmp_path / "other").mkdir()
    return Spool(str(tmp_path / "other" / "spool"))


def job_in(party: Party, box: str) -> Job:
    (node,) = party.spool.nodes()
    (job,) = party.spool.jobs(node, box)  # type: ignore[arg-type]
    return job


def packets(party: Party) -> list[str]:
    """Return every file that is called like a packet or a record, and all in tmp."""
    names = [*Path(party.spool.root).rglob("?" * 52 + "*"), *Path(party.spool.root, "tmp").glob("*")]
    return sorted(map(str, names))


def exported(party: Party, *jobs: Job) -> bytes:
    stream = io.BytesIO()
    for job in jobs:
        write_job(party.spool, stream, encode(party.identity.id), job)
    return stream.getvalue() + END


def importer(party: Party, spool: Spool, **how: bool) -> Importer:
    known = {encode(n.id) for n in party.config.neighbours.values()}
    return Importer(spool, encode(party.identity.id), known, **how)


def imported(party: Party, spool: Spool, data: bytes, **how: bool) -> list[Imported]:
    return list(importer(party, spool, **how).read(io.BytesIO(data).read))


def test_what_waits_keeps_box_and_age(bob: Party, other: Spool) -> None:
    jobs = [job_in(bob, "rx"), job_in(bob, "tx")]
    data = exported(bob, *jobs)
    assert ["rx", "tx"] == [each.box for each in imported(bob, other, data)]
    for job in jobs:
        (found,) = other.find(job.name)
        assert (job.node, job.box, job.size) == (*found[:2], found.size)
        assert abs(job.mtime - found.mtime) < 0.01
        with bob.spool.open(job) as before, other.open(found) as after:
            assert before.read() == after.read()


def test_what_was_begun_keeps_its_progress(bob: Party, other: Spool) -> None:
    job = bob.spool.begin(job_in(bob, "rx"))
    bob.spool.record(job, PROGRESS)
    assert ["work"] == [each.box for each in imported(bob, other, exported(bob, job))]
    (found,) = other.find(job.name)
    assert PROGRESS == other.recorded(found)


@pytest.mark.parametrize("record", [None, JobRecord(running=True)])
def test_what_was_being_delivered_waits_for_a_person(
    bob: Party, other: Spool, record: JobRecord | None
) -> None:
    job = bob.spool.begin(job_in(bob, "rx"))
    if record is not None:
        bob.spool.record(job, record)
    assert ["hold"] == [each.box for each in imported(bob, other, exported(bob, job))]
    (found,) = other.find(job.name)
    after = other.recorded(found)
    assert after is not None
    assert "what was taken is unknown" in after.reason
    assert not after.running


@pytest.mark.parametrize(("box", "back"), [("tx", "tx"), ("rx", "work")])
def test_what_was_held_is_held_and_goes_where_it_was_going(
    bob: Party, other: Spool, box: str, back: str
) -> None:
    job = bob.spool.hold(job_in(bob, box), "storm")
    imported(bob, other, exported(bob, job))
    (found,) = other.find(job.name)
    after = other.recorded(found)
    assert after is not None
    assert ("storm", box) == (after.reason, after.origin)
    assert back == other.release(found).box


def test_what_was_removed_comes_back_to_hold(bob: Party, other: Spool) -> None:
    job = trash.discard(bob.spool, job_in(bob, "rx"), "spam", time.time() + 100)
    assert job is not None
    assert ["hold"] == [each.box for each in imported(bob, other, exported(bob, job))]
    (found,) = other.find(job.name)
    after = other.recorded(found)
    assert after is not None
    assert ("spam", 0.0) == (after.reason, after.expires)


def _present(spool: Spool, job: Job) -> str:
    return job.box


def _held(spool: Spool, job: Job) -> str:
    spool.hold(job, "storm")
    return "hold"


def _finished(spool: Spool, job: Job) -> str:
    mark.finish(spool, job)
    return "seen"


def _trashed(spool: Spool, job: Job) -> str:
    trash.discard(spool, job, "spam", time.time() + 100)
    return "trash"


@pytest.mark.parametrize("meanwhile", [_present, _held, _finished, _trashed])
@pytest.mark.parametrize("hold", [False, True])
def test_what_is_known_is_left_alone(bob: Party, meanwhile: Callable[[Spool, Job], str], hold: bool) -> None:
    job = job_in(bob, "rx")
    data = exported(bob, job)
    known = meanwhile(bob.spool, job)
    before = packets(bob)
    assert [Imported(job.name, job.node, known=known)] == imported(bob, bob.spool, data, hold=hold)
    assert before == packets(bob)


def test_importing_twice_is_importing_once(bob: Party, other: Spool) -> None:
    data = exported(bob, job_in(bob, "rx"), job_in(bob, "tx"))
    assert ["", ""] == [each.known for each in imported(bob, other, data)]
    assert ["rx", "tx"] == [each.known for each in imported(bob, other, data)]


def test_a_changed_packet_is_refused(bob: Party, other: Spool) -> None:
    data = bytearray(exported(bob, job_in(bob, "rx")))
    data[-len(END) - 600] ^= 1
    (each,) = imported(bob, other, bytes(data))
    assert "disagree" in each.trouble
    assert [] == [job for node in other.nodes() for job in other.jobs(node, "rx")]


def test_a_damaged_packet_is_not_exported(bob: Party) -> None:
    job = job_in(bob, "rx")
    with open(bob.spool.paths.packet(job.node, "rx", job.name), "ab") as file:
        file.write(b"!")
    stream = io.BytesIO()
    with pytest.raises(NotIntact):
        write_job(bob.spool, stream, encode(bob.identity.id), job)
    assert b"" == stream.getvalue()


def test_what_is_for_somebody_else_only_to_be_looked_at(alice: Party, bob: Party, tmp_path: Path) -> None:
    data = exported(bob, job_in(bob, "rx"))
    carol = Party(tmp_path, "carol")
    (each,) = imported(carol, carol.spool, data)
    assert "no neighbour" in each.trouble
    carol.knows(alice)
    (each,) = imported(carol, carol.spool, data)
    assert "it is for" in each.trouble
    assert [] == carol.jobs("rx")
    (each,) = imported(carol, carol.spool, data, hold=True)
    assert "hold" == each.box


def test_a_dry_run_proves_and_writes_nothing(bob: Party, other: Spool, tmp_path: Path) -> None:
    data = exported(bob, job_in(bob, "rx"))
    assert ["rx"] == [each.box for each in imported(bob, other, data, dry_run=True)]
    assert [] == list((tmp_path / "other").iterdir())


def test_a_stream_that_breaks_off_leaves_what_was_whole(bob: Party, other: Spool) -> None:
    first, second = job_in(bob, "tx"), job_in(bob, "rx")
    data = exported(bob, first, second)[: -len(END) - 700]
    found = importer(bob, other).read(io.BytesIO(data).read)
    assert first.name == next(found).packet
    with pytest.raises(Truncated):
        next(found)
    assert ([], 1) == (other.find(second.name), len(other.find(first.name)))


def test_toss_at_work_is_respected(bob: Party, other: Spool) -> None:
    job = job_in(bob, "rx")
    data = exported(bob, job)
    Path(other.root).mkdir()
    with other.lock(job.node, "toss"), pytest.raises(LockBusy):
        imported(bob, other, data)
    assert [] == other.find(job.name)


@pytest.mark.parametrize(
    ("state", "broken"),
    [
        (b'"gateway-job": 1', b'"gateway-job": 9'),  # a later version's
        (b'"box": "', b'"box": 1'),
        (b'"time": ', b'"time": 1' + b"0" * 400 + b', "was": '),
    ],
)
@pytest.mark.parametrize(("box", "origin"), [("rx", "rx"), ("tx", "tx")])
def test_a_job_whose_state_makes_no_sense_waits_for_a_person(
    bob: Party, other: Spool, state: bytes, broken: bytes, box: str, origin: str
) -> None:
    job = job_in(bob, box)
    data = exported(bob, job)
    size = tarfile.TarInfo.frombuf(data[:512], "utf-8", "strict").size
    text = data[512 : 512 + size].replace(state, broken)
    info = tarfile.TarInfo.frombuf(data[:512], "utf-8", "strict")
    info.size = len(text)
    head = info.tobuf(tarfile.USTAR_FORMAT) + text + bytes(-len(text) % 512)
    packet = data[data.index(b"NNCP/\0") :]
    assert ["hold"] == [each.box for each in imported(bob, other, head + packet)]
    record = other.recorded(job._replace(box="hold"))
    assert record is not None
    assert origin == record.origin
    assert "imported, and what was remembered of it cannot be read" == record.reason


def test_a_state_that_stands_elsewhere_is_not_forgotten(bob: Party, other: Spool) -> None:
    held = bob.spool.hold(job_in(bob, "rx"), "why")
    first, second = exported(bob, held), exported(bob, job_in(bob, "tx"))
    begin = first.index(b"NNCP/\0")
    mixed = first[:begin] + second[: -len(END)] + first[begin:]
    assert ["tx", "hold"] == [each.box for each in imported(bob, other, mixed)]


def test_it_is_a_tar_archive_that_bundle_reads(alice: Party, bob: Party) -> None:
    job = job_in(bob, "tx")
    data = exported(bob, job)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        folder = f"NNCP/{encode(alice.identity.id)}/{encode(bob.identity.id)}"
        assert [f"{folder}/{job.name}.json", "NNCP", f"{folder}/{job.name}"] == archive.getnames()
    reader = Reader(alice.spool, encode(alice.identity.id), {encode(bob.identity.id): "bob"}, {})
    assert 1 == reader.receive(io.BytesIO(data).read).received
    assert [job.name] == alice.jobs("rx")


def test_a_plain_bundle_can_be_imported(bob: Party, other: Spool) -> None:
    data = exported(bob, job_in(bob, "rx"))
    plain = data[data.index(b"NNCP/\0") :]
    assert ["rx"] == [each.box for each in imported(bob, other, plain)]
