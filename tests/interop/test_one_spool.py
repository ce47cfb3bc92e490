"""Both makes' programs at work on one spool at once: nothing lost, nothing done twice, locks kept."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import MAKES, Make, Node, carry, toss
from tests.real.programs import ENVIRONMENT, gateway_script

pytestmark = pytest.mark.nncp

JOBS = 300
LAST = 60
"""Jobs that come when all others were run."""
LIMIT = 120.0
"""[s] Without any progress."""


def command(node: Node, make: Make, *words: str) -> list[str]:
    """Return the command line of either make on this node."""
    if make == "nncp":
        return node.nncp_command(words[0], "-quiet", *words[1:])
    return [gateway_script(), "--config", str(node.toml), "--quiet", *words]


def queue(node: Node, count: int) -> list[str]:
    """Queue numbered jobs for bob with the handle ``note``; return their bodies."""
    bodies = [f"job-{number:04d}" for number in range(count)]
    for body in bodies:
        done = node.nncp("exec", "-quiet", "bob", "note", stdin=f"{body}\n".encode())
        assert 0 == done.status, done
    return bodies


def note(bob: Node, alice: Node, before: str = "") -> Path:
    """Let alice run ``note`` at bob: a line into a file, with the name of the program that runs it."""
    file = bob.directory / "notes"
    script = f'{before}read -r job; read -r by </proc/$PPID/comm; echo "$job $by" >>{file}'
    bob.know(alice, handles={"note": ["/bin/sh", "-c", script]})
    return file


def notes(file: Path) -> dict[str, list[str]]:
    """Return for each job by which programs it was run."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        job, by = line.split()
        found.setdefault(job, []).append(by)
    return found


@contextmanager
def loops(
    *commands: list[str], pause: float, rests: Callable[[str], bool] = lambda program: False
) -> Iterator[Counter[tuple[str, int]]]:
    """Run each command over and over, each in a loop of its own, unless it rests; count the statuses."""
    stop = threading.Event()
    statuses: Counter[tuple[str, int]] = Counter()

    def loop(words: list[str]) -> None:
        program = Path(words[0]).name
        while not stop.wait(pause):
            if not rests(program):
                done = subprocess.run(
                    words,
                    env=ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=LIMIT,
                    check=False,
                )
                statuses[program, done.returncode] += 1

    threads = [threading.Thread(target=loop, args=(words,)) for words in commands]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def no_trouble(statuses: Counter[tuple[str, int]]) -> None:
    """A busy lock is 0 with NNCP and 75 with us; nothing else may have happened."""
    assert {0, 75} >= {status for _, status in statuses}, statuses


def wait_until(file: Path, count: int) -> None:
    """Wait until so many different jobs are noted."""
    end, ran = time.monotonic() + LIMIT, 0
    while (now := len(notes(file))) < count:
        if now > ran:
            end, ran = time.monotonic() + LIMIT, now
        assert time.monotonic() < end, f"only {now} of {count} jobs were run"
        time.sleep(0.05)


def test_both_toss_one_spool(real_pair: tuple[Node, Node], tmp_path: Path) -> None:
    """Hundreds of jobs trickle in while both makes toss: each is run once, by whichever comes first.

    Where one was faster every time, it rests before the last ones until the other has run one, too.
    """
    alice, bob = real_pair
    file = note(bob, alice)
    bodies = queue(alice, JOBS)
    carry(alice, bob, tmp_path / "stick", tx="nncp", rx="nncp")
    arrived = bob.packets("rx", alice)
    outside = tmp_path / "outside"
    outside.mkdir()
    for packet in arrived:
        packet.rename(outside / packet.name)
    tossers = [command(bob, make, "toss") for make in MAKES]
    nearly = threading.Event()

    def alone(program: str) -> bool:
        return nearly.is_set() and {program} == {one for by in notes(file).values() for one in by}

    with loops(*tossers, pause=0.05, rests=alone) as statuses:
        for number, packet in enumerate(arrived):
            if number == len(arrived) - LAST:
                wait_until(file, number)
                nearly.set()
            (outside / packet.name).rename(packet)
            if number % 5 == 0:
                time.sleep(0.03)
        wait_until(file, len(bodies))
    ran = notes(file)
    assert sorted(bodies) == sorted(ran)
    assert {} == {job: by for job, by in ran.items() if len(by) > 1}
    assert [] == bob.packets("rx") == bob.packets("work") == bob.packets("hold")
    assert [] == bob.temporary()
    assert 2 == len({by for [by] in ran.values()}), f"one make did everything: {statuses}"
    no_trouble(statuses)


def test_both_take_mail_away_from_one_spool(real_pair: tuple[Node, Node], tmp_path: Path) -> None:
    """Both makes queue and carry at once: every packet arrives once."""
    alice, bob = real_pair
    file = note(bob, alice)
    stick = tmp_path / "stick"
    stick.mkdir()
    count = 40
    carriers = [command(alice, make, "xfer", f"{dash}tx", f"{dash}mkdir", str(stick)) for make, dash in zip(
        MAKES, ("--", "-"), strict=True)]  # fmt: skip

    def fill(make: Make) -> None:
        for number in range(count):
            done = alice.run(make, "exec", "-quiet", "bob", "note", stdin=f"{make}-{number}\n".encode())
            assert 0 == done.status, done

    with loops(*carriers, pause=0.05) as statuses:
        threads = [threading.Thread(target=fill, args=(make,)) for make in MAKES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    carry(alice, bob, stick, tx="gateway", rx="gateway")
    assert [] == alice.packets("tx")
    assert 0 == toss(bob, "nncp").status
    expected = {f"{make}-{number}" for make in MAKES for number in range(count)}
    assert expected == set(notes(file))
    assert {1} == {len(by) for by in notes(file).values()}
    no_trouble(statuses)


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock as any program on the spool would."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("make", MAKES)
def test_a_held_toss_lock_is_respected(
    real_pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, make: Make
) -> None:
    alice, bob = real_pair
    assert 0 == alice.nncp("exec", "-quiet", "bob", "cap", stdin=b"x").status
    carry(alice, bob, tmp_path / "stick", tx="nncp", rx="nncp")
    with held(bob.spool / alice.keys.id / "toss.lock"):
        assert toss(bob, make).status in (0, 75)
        assert 1 == len(bob.packets("rx", alice))
        assert [] == recorder.calls()
    assert 0 == toss(bob, make).status
    assert [] == bob.packets("rx", alice)
    assert [b"x"] == [call.body for call in recorder.calls()]


@pytest.mark.parametrize("make", MAKES)
def test_a_held_tx_lock_is_respected(real_pair: tuple[Node, Node], tmp_path: Path, make: Make) -> None:
    alice, bob = real_pair
    assert 0 == alice.nncp("exec", "-quiet", "bob", "cap", stdin=b"x").status
    dash = "-" if make == "nncp" else "--"
    words = ("xfer", f"{dash}tx", f"{dash}mkdir", str(tmp_path / "stick"))
    (tmp_path / "stick").mkdir()
    with held(alice.spool / bob.keys.id / "tx.lock"):
        assert alice.run(make, *words).status in (0, 75)
        assert 1 == len(alice.packets("tx", bob))
    assert 0 == alice.run(make, *words).status
    assert [] == alice.packets("tx", bob)


@pytest.mark.parametrize("make", MAKES)
def test_queueing_needs_no_lock(real_pair: tuple[Node, Node], make: Make) -> None:
    """A session that holds the locks for hours must not keep mail out of the queue."""
    alice, bob = real_pair
    with held(alice.spool / bob.keys.id / "tx.lock"), held(alice.spool / bob.keys.id / "toss.lock"):
        assert 0 == alice.run(make, "exec", "-quiet", "bob", "cap", stdin=b"x").status
    assert 1 == len(alice.packets("tx", bob))


@pytest.mark.parametrize("working", MAKES)
def test_a_working_toss_keeps_the_other_out(
    real_pair: tuple[Node, Node], tmp_path: Path, working: Make
) -> None:
    """While one make runs a slow handle, the other leaves that neighbour's packets alone."""
    alice, bob = real_pair
    other: Make = "nncp" if working == "gateway" else "gateway"
    begun, go = tmp_path / "begun", tmp_path / "go"
    file = note(bob, alice, before=f"echo >>{begun}; while [ ! -e {go} ]; do sleep 0.05; done; ")
    queue(alice, 2)
    carry(alice, bob, tmp_path / "stick", tx="nncp", rx="nncp")
    slow = subprocess.Popen(
        command(bob, working, "toss"), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 30
        while not begun.exists():
            assert time.monotonic() < end, "the handle was never run"
            time.sleep(0.02)
        assert toss(bob, other).status in (0, 75)
        assert {} == notes(file)
    finally:
        go.touch()
        assert 0 == slow.wait(60)
    assert {"job-0000": 1, "job-0001": 1} == {job: len(by) for job, by in notes(file).items()}
