"""SIGKILL before every single system call; the kernel goes on."""

from __future__ import annotations

import os

import pytest

from gateway.spool.spool import Spool
from tests.crash.scenarios import SCENARIOS, check
from tests.crash.shim import killed


def run_and_die(scenario: str, root: str, step: int) -> tuple[bool, set[str]]:
    """Run in a child killed before call number `step`; return if it came through, and its promises."""
    reader, writer = os.pipe()
    write = os.write
    spool = Spool(root)

    def promise(what: str) -> None:
        write(writer, f"{what}\n".encode())  # not by `os`, where it would count as a step

    through = killed(step, lambda: SCENARIOS[scenario](spool, promise))
    os.close(writer)
    with open(reader, encoding="ascii") as said:
        promised = set(said.read().splitlines())
    return through, promised


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_kill_at_any_call_keeps_the_promises(scenario, tmp_path):
    step, through = 0, False
    while not through:
        root = str(tmp_path / f"killed{step}")
        through, promised = run_and_die(scenario, root, step)
        spool = Spool(root)
        spool.recover()
        check(spool, promised)
        assert not os.path.exists(f"{root}/tmp") or [] == os.listdir(f"{root}/tmp")
        step += 1
    assert step > 10
