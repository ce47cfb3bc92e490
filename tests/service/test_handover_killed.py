"""Either side of a hand-over is killed, stopped or told to end, at every step: nothing is lost.

Twice is a mail only accepted where the command dies between the commit and its status, the
window that a command alone has, too.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import Interrupted
from gateway.service.handed_input import HandedInput
from tests.real.nodes import Node, wait
from tests.real.programs import ENVIRONMENT, gateway_script
from tests.service.handover import At, handing, taking
from tests.service.resident import Resident, mail, serving, until

LIMIT = 30.0
WHOLE = mail("whole", 50_000)  # less than a pipe takes
HALF = WHOLE[: len(WHOLE) // 2]


@pytest.fixture
def alice(two_nodes: tuple[Node, Node]) -> Node:
    alice, _ = two_nodes
    handing(alice)
    return alice


Command = subprocess.Popen[bytes]


@contextmanager
def command(node: Node, stdin: bytes, *, more: bool = False) -> Iterator[Command]:
    """Start ``gateway exec`` and give it its input, the end of it too unless there is `more`."""
    words = [gateway_script(), "--config", str(node.toml), "exec", "bob", "rsmtp"]
    process = subprocess.Popen(
        words, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    try:
        process.stdin.write(stdin)
        process.stdin.flush()
        if not more:
            process.stdin.close()
            process.stdin = None
        yield process
    finally:
        process.kill()
        process.communicate()


def at_step(step: str, act: Callable[[HandedInput], None]) -> At:
    """Return what acts when the service comes to a step."""
    return lambda now, source: act(source) if now == step else None


def hung_up(source: HandedInput) -> bool:
    try:
        source.check()
    except Interrupted:
        return True
    return False


@pytest.mark.parametrize(("step", "packets"), [("begin", 0), ("commit", 0), ("answer", 1)])
def test_a_command_that_is_killed(alice: Node, step: str, packets: int) -> None:
    """Up to the commit it is as if it never was; from then on the packet is on its way."""
    begun: list[Command] = []

    def kill(source: HandedInput) -> None:
        until(lambda: begun)
        begun[0].kill()
        begun[0].wait(LIMIT)

    with taking(alice, at_step(step, kill)) as service, command(alice, WHOLE) as process:
        begun.append(process)
        assert -signal.SIGKILL == wait(process, LIMIT)
        until(lambda: service.statuses)
    assert packets == len(alice.packets("tx"))
    assert [] == alice.temporary()
    assert [0 if packets else 75] == service.statuses
    gone = "submit: queued, but the command went away: its MTA may send it again"
    assert [gone] * packets == service.said


def test_a_command_that_is_killed_while_its_input_pauses(alice: Node) -> None:
    with taking(alice) as service, command(alice, HALF, more=True) as process:
        until(alice.temporary)
        process.kill()
        until(lambda: service.statuses)
        assert [75] == service.statuses
    assert [] == alice.packets("tx")
    assert [] == alice.temporary()


@pytest.mark.parametrize(("step", "status"), [("commit", 75), ("answer", 0)])
def test_a_command_that_is_told_to_end_says_what_became_of_it(alice: Node, step: str, status: int) -> None:
    """The signal comes before the commit, or after it: never 75 for what is queued."""
    begun: list[Command] = []

    def end(source: HandedInput) -> None:
        until(lambda: begun)
        begun[0].terminate()
        until(lambda: hung_up(source))

    with taking(alice, at_step(step, end)), command(alice, WHOLE) as process:
        begun.append(process)
        assert status == wait(process, LIMIT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.startswith(b"4.3.2 SIGTERM received") if status else said == b""
    assert (status == 0) == (len(alice.packets("tx")) == 1)
    assert [] == alice.temporary()


def test_a_service_that_is_killed_while_it_reads(alice: Node) -> None:
    with serving(alice) as service, command(alice, HALF, more=True) as process:
        until(alice.temporary)
        service.process.kill()
        assert 75 == wait(process, LIMIT)
        assert process.stderr is not None
        assert process.stderr.read().startswith(b"4.3.2 no answer")
    assert [] == alice.packets("tx")
    with serving(alice):  # clears away what the dead one left
        until(lambda: not alice.temporary())
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=WHOLE).status
    assert 1 == len(alice.packets("tx"))


DIES = """\
import os, signal
from gateway import hookimpl

@hookimpl
def {hook}({argument}):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("hook", "argument", "packets"),
    [("gateway_check_submission", "envelope", 0), ("gateway_event", "event", 1)],
)
def test_a_service_that_dies_before_or_after_the_commit(
    alice: Node, tmp_path: Path, hook: str, argument: str, packets: int
) -> None:
    """Without its answer there is no 0: what was committed already comes again, from the MTA."""
    site = tmp_path / "site"
    (site / "extra-1.dist-info").mkdir(parents=True)
    (site / "extra-1.dist-info/entry_points.txt").write_text("[gateway]\nextra = extra_plugin\n")
    (site / "extra_plugin.py").write_text(DIES.format(hook=hook, argument=argument))
    alice.head = 'plugins = ["exim", "extra"]'
    alice.write()
    with serving(alice, {"PYTHONPATH": str(site)}) as service:
        done = alice.gateway("exec", "bob", "rsmtp", stdin=WHOLE)
        assert -signal.SIGKILL == service.process.wait(LIMIT)
    assert 75 == done.status, done
    assert done.stderr.startswith(b"4.3.2 no answer")
    assert packets == len(alice.packets("tx"))


def stopped(service: Resident) -> None:
    """Stop a service, and wait until it stands still."""
    service.send(signal.SIGSTOP)

    def still() -> bool:
        with open(f"/proc/{service.process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    until(still)


def test_a_service_that_hangs_is_not_waited_for(alice: Node) -> None:
    with serving(alice) as service:
        stopped(service)
        assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=WHOLE).status
        assert 1 == len(alice.packets("tx"))
        service.send(signal.SIGCONT)
        assert 0 == service.end()
    assert 1 == len(alice.packets("tx"))


def test_a_service_that_hangs_later_keeps_no_command_that_is_told_to_end(alice: Node) -> None:
    with serving(alice) as service, command(alice, HALF, more=True) as process:
        until(alice.temporary)
        stopped(service)
        process.terminate()
        assert 75 == process.wait(5 + 2)
        service.send(signal.SIGCONT)
        until(lambda: not alice.temporary())
        assert 0 == service.end()
    assert [] == alice.packets("tx")


def test_a_service_that_ends_lets_work_come_to_its_end_but_waits_for_no_input(alice: Node) -> None:
    with (
        serving(alice) as service,
        command(alice, HALF, more=True) as slow,
        command(alice, HALF, more=True) as pausing,
    ):
        until(lambda: len(alice.temporary()) == 2)
        service.send(signal.SIGTERM)
        assert slow.stdin is not None
        slow.stdin.write(WHOLE[len(HALF) :])
        slow.stdin.close()
        slow.stdin = None
        assert (0, 75) == (wait(slow, LIMIT), wait(pausing, LIMIT))
        assert 0 == service.process.wait(LIMIT)
    assert 1 == len(alice.packets("tx"))
    assert [] == alice.temporary()


def test_a_reload_disturbs_no_input(alice: Node) -> None:
    with serving(alice) as service, command(alice, HALF, more=True) as process:
        until(alice.temporary)
        service.send(signal.SIGHUP)
        service.says("serves by", times=2)
        assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=mail("meanwhile")).status
        assert process.stdin is not None
        process.stdin.write(WHOLE[len(HALF) :])
        process.stdin.close()
        process.stdin = None
        assert 0 == wait(process, LIMIT)
    assert 2 == len(alice.packets("tx"))


def test_what_is_said_to_be_queued_is_queued_whatever_dies(alice: Node) -> None:
    """Commands come and go while services are killed; who had no answer tries again."""
    statuses: list[int] = []

    def send(number: int) -> None:
        while (status := alice.gateway("exec", "bob", "rsmtp", stdin=mail(f"mail {number}")).status) != 0:
            statuses.append(status)
        statuses.append(status)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(send, number) for number in range(60)]
        for round_ in range(3):
            with serving(alice):
                until(lambda enough=(round_ + 1) * 12: len(statuses) >= enough)  # type: ignore[misc]
        for future in futures:
            future.result(LIMIT)
    assert {0, 75} >= {*statuses}
    assert 60 == statuses.count(0)
    again = statuses.count(75)
    assert 60 <= len(alice.packets("tx")) <= 60 + again
    with serving(alice):  # clears away what the dead ones left
        until(lambda: not alice.temporary())
