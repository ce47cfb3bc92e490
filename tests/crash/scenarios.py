"""What the spool does for a mail, step by step, saying aloud what has been promised so far.

Each scenario takes a spool and `promise`, which it calls the moment after a method returned.
`check` holds what must be true of a spool after a crash at any moment, given those promises.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection

from gateway.spool import delayed, mark, trash
from gateway.spool.answer import answer, ready, settle
from gateway.spool.check import SETTLED, Check
from gateway.spool.flaw import Flaw
from gateway.spool.record import JobRecord
from gateway.spool.spool import Spool
from tests.spool.samples import PACKET, text_of

Promise = Callable[[str], None]

BOB, CAROL, NAME, OTHER = map(text_of, ("bob", "carol", "packet", "other packet"))
ANSWERS = tuple(map(text_of, ("first answer", "second answer")))
CONTENTS = {NAME: PACKET * 3, OTHER: PACKET * 5, ANSWERS[0]: PACKET, ANSWERS[1]: PACKET * 2}
PROGRESS = JobRecord(attempts=1, running=True, taken={"0": None})


def submit(spool: Spool, promise: Promise) -> None:
    """One packet: S0 to S3."""
    with spool.stage() as staged:
        staged.write(CONTENTS[NAME][:100])
        staged.write(CONTENTS[NAME][100:])
        staged.complete()
        spool.commit(staged, BOB, "tx", NAME, alias="bob")
    promise("accepted")


def submit_two(spool: Spool, promise: Promise) -> None:
    """Two packets for two nodes: both complete before the first is committed."""
    with spool.stage() as first, spool.stage() as second:
        for staged, name in ((first, NAME), (second, OTHER)):
            staged.write(CONTENTS[name])
            staged.complete()
        promise("staged")
        spool.commit(first, BOB, "tx", NAME)
        spool.commit(second, CAROL, "tx", OTHER)
    promise("accepted")
    promise("accepted other")


def deliver(spool: Spool, promise: Promise) -> None:
    """A job: T1 to T6."""
    _arrive(spool)
    promise("arrived")
    with spool.lock(BOB, "toss"):
        (job,) = spool.jobs(BOB, "rx")
        job = spool.begin(job)
        promise("begun")
        spool.record(job, PROGRESS)
        promise("recorded")
        mark.finish(spool, job)
        promise("finished")


def deliver_next(spool: Spool, promise: Promise) -> None:
    """A job where others were delivered before: its mark can be its own file."""
    mark.make_by_name(spool, BOB, OTHER)
    deliver(spool, promise)


def deliver_two(spool: Spool, promise: Promise) -> None:
    """Two jobs in one session: both in T3, the MTA takes one and a part of the other."""
    _arrive(spool, OTHER)
    _arrive(spool)
    promise("arrived")
    promise("arrived other")
    first, second = (spool.begin(job) for name in (NAME, OTHER) for job in spool.find(name))
    promise("begun")
    mark.make(spool, first)
    spool.record(second, PROGRESS)
    promise("recorded other")
    mark.sync(spool, [first])
    mark.forget(spool, [first])
    promise("finished")


def hold(spool: Spool, promise: Promise) -> None:
    """A job is set aside after an attempt, released, and removed after being set aside again."""
    _arrive(spool)
    promise("arrived")
    (job,) = spool.jobs(BOB, "rx")
    job = spool.begin(job)
    promise("begun")
    spool.record(job, PROGRESS)
    promise("recorded")
    job = spool.hold(job, "because")
    promise("held")
    job = spool.release(job)
    promise("released")
    job = spool.hold(job, "because")
    trash.remove(spool, job)
    promise("finished")


def tell(spool: Spool, promise: Promise) -> None:
    """What the MTA refused is reported by a packet of ours, then set aside."""
    _arrive(spool)
    promise("arrived")
    (job,) = spool.jobs(BOB, "rx")
    job = spool.begin(job)
    promise("begun")
    spool.record(job, PROGRESS)
    promise("recorded")
    for number in range(2):
        before = ready(spool, job, spool.recorded(job) or PROGRESS)
        with spool.stage() as staged:
            staged.write(CONTENTS[ANSWERS[number]])
            staged.complete()
            told = {str(n): ("x@b.example",) for n in range(number + 1)}
            answer(spool, job, before._replace(told=told), staged, hop=CAROL, name=ANSWERS[number])
        promise(f"told {number}")
    spool.hold(job, "because")
    promise("held")


def warn(spool: Spool, promise: Promise) -> None:
    """The sender of what waits in tx is told by a packet to ourselves, and another sender by the next one."""
    submit(spool, promise)
    for number in range(2):
        delayed.settle(spool, BOB)
        memory = delayed.recall(spool, BOB)
        with spool.stage() as staged:
            staged.write(CONTENTS[ANSWERS[number]])
            staged.complete()
            delayed.prepare(spool, BOB, staged, ANSWERS[number])
        heard = {NAME: tuple(str(n) for n in range(number + 1))}
        reports = (f"{CAROL}/{ANSWERS[number]}",)
        delayed.send(spool, BOB, memory._replace(senders=heard, reports=reports))
        promise(f"warned {number}")


def throw_away(spool: Spool, promise: Promise) -> None:
    """A job that was set aside is removed, restored, removed again, and forgotten."""
    _arrive(spool)
    promise("arrived")
    (job,) = spool.jobs(BOB, "rx")
    job = spool.hold(job, "because")
    promise("kept")
    trashed = trash.discard(spool, job, "because", 1e10)
    assert trashed is not None
    job = trash.restore(spool, trashed)
    trashed = trash.discard(spool, job, "because", 1e10)
    assert trashed is not None
    promise("lost")
    trash.remove(spool, trashed)
    promise("finished")


def send(spool: Spool, promise: Promise) -> None:
    """A link moves a packet away."""
    submit(spool, promise)
    promise("sent")
    spool.drop_sent(BOB, NAME)


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        submit,
        submit_two,
        deliver,
        deliver_next,
        deliver_two,
        hold,
        tell,
        warn,
        throw_away,
        send,
    )
}


def _arrive(spool: Spool, name: str = NAME) -> None:
    with spool.stage() as staged:
        staged.write(CONTENTS[name])
        staged.complete()
        spool.commit(staged, BOB, "rx", name)


def check(spool: Spool, promised: Collection[str]) -> None:
    """Hold the invariants over a spool that has been recovered."""
    _check_answers(spool, promised)
    _check_other(spool, promised)
    for name, content in CONTENTS.items():
        places = spool.find(name)
        assert len(places) <= 1, "a packet lies in two places"
        for job in places if spool.known(name) != "seen" else ():  # else what is left is rubbish
            with spool.open(job) as file:
                assert content == file.read(), "a packet is not whole"
    boxes = {job.box for job in spool.find(NAME)}
    if "accepted" in promised and "sent" not in promised:
        assert {"tx"} == boxes, "an accepted packet is gone"
    if "accepted other" in promised:
        assert ["tx"] == [job.box for job in spool.find(OTHER)], "an accepted packet is gone"
    if "arrived" in promised:
        assert boxes or "seen" == spool.known(NAME), "a packet is gone that nobody marked as seen"
    if "kept" in promised and "lost" not in promised:
        assert boxes & {"hold", "trash"}, "a packet is gone that a person could still want"
    # The rename of `begin` is synced with what is remembered of the job: before that a power
    # cut may undo it, which repeats no more than the attempt that was under way.
    if {"recorded", "finished"} & set(promised):
        assert "rx" not in boxes, "a job that was begun lies where NNCP would run it again"
    if "finished" in promised:
        assert "seen" == spool.known(NAME), "a finished job is not marked"
    for job in spool.find(NAME) if spool.known(NAME) != "seen" else ():
        record = spool.recorded(job)
        if job.box in ("hold", "trash"):
            assert record is not None, "a held job has no record"
            assert "because" == record.reason, "a held job does not say why"
        if job.box in ("work", "hold") and "recorded" in promised:
            assert record is not None, "a record is gone"
            assert PROGRESS.taken == record.taken, "what the MTA took is forgotten"


def _check_other(spool: Spool, promised: Collection[str]) -> None:
    if "arrived other" in promised:
        assert spool.find(OTHER), "a packet is gone with the one that was delivered beside it"
    if "recorded other" in promised:
        (job,) = spool.find(OTHER)
        other = spool.recorded(job)
        assert job.box == "work", "a job that was begun lies where NNCP would run it again"
        assert other is not None, "a record is gone"
        assert PROGRESS.taken == other.taken, "what the MTA took is forgotten"


def _check_answers(spool: Spool, promised: Collection[str]) -> None:
    """Once the next attempt has settled what was under way, what was told and only that is sent."""
    delayed.settle(spool, BOB)
    assert [] == delayed.unsettled(spool, BOB), "a report was left"
    heard = delayed.recall(spool, BOB).senders.get(NAME, ())
    for number, name in enumerate(ANSWERS) if [job for job in spool.find(NAME) if job.box == "tx"] else ():
        assert (str(number) in heard) == bool(spool.find(name)), "not what was told is what was sent"
        assert str(number) in heard or f"warned {number}" not in promised, "a report is forgotten"
    for job in spool.find(NAME):
        if job.box == "tx":
            continue
        record = (spool.recorded(job) if job.box != "rx" else None) or JobRecord()
        if job.box == "work":
            settle(spool, job.node, job.name, record)
            assert not os.path.exists(spool.paths.answer(BOB, NAME)), "an answer was left"
        for number, name in enumerate(ANSWERS):
            told = str(number) in record.told
            assert told == bool(spool.find(name)), "not what was told is what was sent"
            assert told or f"told {number}" not in promised, "an answer is forgotten"


def mend(spool: Spool) -> None:
    """Hold over a spool after a crash that whatever a check finds there, it mends."""
    if not os.path.isdir(spool.root):
        return
    later = time.time() + 2 * SETTLED
    for flaw in found_by_check(spool, later):
        assert flaw.mend is not None, flaw
        flaw.mend()
    assert [] == found_by_check(spool, later), "a check finds something once more"


def found_by_check(spool: Spool, now: float) -> list[Flaw]:
    """Return what a check finds, but for a held job that somebody began to remove for good."""
    found = Check(spool, now, keep=1000.0).flaws(contents=False)
    return [flaw for flaw in found if flaw.kind != "marked"]
