"""SIGKILL before every single system call; the kernel goes on."""

from __future__ import annotations

import os
import signal
import warnings

import pytest

from gateway.spool.spool import Spool
from tests.crash.scenarios import SCENARIOS, check
from tests.crash.shim import around


def run_and_die(scenario: str, root: str, step: int) -> tuple[bool, set[str]]:
    """Run in a child killed before call number `step`; return if it came through, and its promises."""
    reader, writer = os.pipe()
    write = os.write
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: forking a threaded test runner
        child = os.fork()
    if child == 0:
        left = step

        def call(name, function, arguments):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return function(*arguments)

        try:
            with around(call):
                SCENARIOS[scenario](Spool(root), lambda what: write(writer, f"{what}\n".encode()) and None)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, encoding="ascii") as said:
        promised = set(said.read().splitlines())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status == 0, promised


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
