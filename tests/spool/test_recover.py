from __future__ import annotations

import os


def test_recover_takes_only_our_own_dead_files(spool, put, name, root, tree):
    put(name)
    before = tree()
    ours = f"{root}/tmp/gw{'0a' * 12}"
    others = ["nncp1234", "gw", "gwXYZ", f"gw{'0a' * 12}.json", f"gw{'0A' * 12}"]
    for path in (ours, *(f"{root}/tmp/{other}" for other in others)):
        with open(path, "w"):
            pass
    os.mkdir(f"{root}/tmp/gw{'0b' * 12}")
    os.symlink(f"{root}/tmp/nncp1234", f"{root}/tmp/gw{'0c' * 12}")
    with spool.stage():
        assert 1 == spool.recover()
    left = {f"tmp/{other}" for other in others} | {f"tmp/gw{'0b' * 12}/", f"tmp/gw{'0c' * 12}"}
    assert before | left == tree()
