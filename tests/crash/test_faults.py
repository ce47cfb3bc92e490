"""The system refuses any one call: a failure that says so, and nothing half done."""

from __future__ import annotations

import errno
import os

import pytest

from gateway.errors import SpoolError
from gateway.spool.spool import Spool
from tests.crash.scenarios import SCENARIOS, check
from tests.crash.shim import CHANGING, LOOKING, around

FAULTS = [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EDQUOT, errno.EROFS, errno.EACCES]


def run_refused(scenario: str, root: str, step: int, fault: int) -> tuple[str | None, set[str], str]:
    """Refuse call number `step`; return which that was, the promises made, and what was said."""
    left = step
    refused: list[str] = []
    promised: set[str] = set()

    def call(name, function, arguments):
        nonlocal left
        left -= 1
        if left == -1:
            refused.append(name)
            raise OSError(fault, os.strerror(fault))
        return function(*arguments)

    said = ""
    with around(call, CHANGING + LOOKING):
        try:
            SCENARIOS[scenario](Spool(root), promised.add)
        except SpoolError as failure:
            said = failure.line()
    return (refused[0] if refused else None), promised, said


@pytest.mark.parametrize("fault", FAULTS, ids=errno.errorcode.get)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_refused_call_is_a_spool_error_and_keeps_the_promises(scenario, fault, tmp_path):
    step, refused = 0, ""
    while refused is not None:
        root = str(tmp_path / f"refused{step}")
        descriptors = len(os.listdir("/proc/self/fd"))
        refused, promised, said = run_refused(scenario, root, step, fault)
        assert not said or said.startswith(f"4.3.1 {tmp_path}")
        assert descriptors == len(os.listdir("/proc/self/fd")), f"a descriptor was left open by {refused}"
        spool = Spool(root)
        if refused != "unlink":
            assert not os.path.exists(f"{root}/tmp") or [] == os.listdir(f"{root}/tmp")
        spool.recover()
        check(spool, promised)
        step += 1
    assert step > 10
