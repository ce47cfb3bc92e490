from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from gateway.errors import LockBusy
from gateway.spool.spool import Spool


def test_locks_exclude_each_other_and_stay(spool, bob, root):
    with spool.lock(bob, "toss"):
        assert os.path.isdir(f"{root}/{bob}/rx")
        with pytest.raises(LockBusy, match=r"toss\.lock"), Spool(root).lock(bob, "toss"):
            pass
        with spool.lock(bob, "rx"), spool.lock(bob, "tx"):
            pass
    with spool.lock(bob, "toss"):
        pass
    assert {"rx", "rx.lock", "tx.lock", "toss.lock"} == set(os.listdir(f"{root}/{bob}"))


@pytest.mark.skipif(not shutil.which("flock"), reason="needs flock(1) of util-linux")
def test_the_lock_is_a_bsd_flock(spool, bob, root):
    with spool.lock(bob, "toss"):
        assert 1 == subprocess.call(["flock", "-n", f"{root}/{bob}/toss.lock", "true"])
    assert 0 == subprocess.call(["flock", "-n", f"{root}/{bob}/toss.lock", "true"])


def test_a_dead_process_holds_nothing(spool, bob):
    program = (
        "import os, sys; from gateway.spool.spool import Spool\n"
        "with Spool(sys.argv[1]).lock(sys.argv[2], 'rx'): os.kill(os.getpid(), 9)"
    )
    import sys

    assert -9 == subprocess.call([sys.executable, "-c", program, spool.root, bob])
    with spool.lock(bob, "rx"):
        pass
