"""What only looks changes nothing, not a byte, a time, a lock; and needs no disk that can be written."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_queue import Bob, bob  # noqa: F401 - a fixture
from tests.engine.parties import BATCH, carry
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script, run

LOOKING = [
    ["list"],
    ["list", "--json"],
    ["list", "--long", "--handle", "rsmtp"],
    ["list", "--count"],
    ["list", "--shape"],
    ["list", "--state", "removed"],
    ["check"],
    ["hold", "--all", "--dry-run"],
    ["release", "--all", "--dry-run"],
    ["retry", "--all", "--dry-run"],
    ["remove", "--all", "--dry-run"],
    ["restore", "--all", "--dry-run"],
]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "os.utime", "os.setxattr",
}  # fmt: skip
_watched: list[str] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watched is None:
        return
    opened = event == "open" and isinstance(arguments[0], str | bytes)  # rather than a descriptor
    if event in _CHANGES or (opened and int(str(arguments[2] or 0)) & _WRITING):
        _watched.append(f"{event} {arguments[0]}")


sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect everything that would change a file."""
    global _watched  # noqa: PLW0603 - an audit hook is for ever
    _watched = []
    try:
        yield _watched
    finally:
        _watched = None


def tree(root: str) -> dict[str, tuple[int, ...]]:
    found = {}
    for here, directories, files in os.walk(root):
        for name in [".", *directories, *files]:
            path = os.path.join(here, name)
            s = os.lstat(path)
            found[path] = (s.st_ino, s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
    return found


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_nothing_is_written(bob: Bob, words: list[str]) -> None:  # noqa: F811
    bob.queue("remove", "--yes", bob.names["arrived"])
    before = tree(bob.spool.root)
    with watched() as changes:
        status = bob.queue(*words)[0]
    assert status in (0, 1)
    assert [] == changes
    assert before == tree(bob.spool.root)


def test_show_and_export_write_nothing(bob: Bob, tmp_path: Path) -> None:  # noqa: F811
    large = BATCH.replace(b"hello\n", b"hello hello hello hello hello hello hello\n" * 200_000)
    alice = Bob(tmp_path, "carol")
    alice.knows(bob)
    bob.knows(alice)
    (name,) = alice.submit(large, "bob")
    carry(alice, bob)
    before = tree(bob.spool.root)
    with watched() as changes:
        assert 0 == bob.queue("show", name, *bob.names.values())[0]
    assert [] == changes
    with watched() as changes:
        assert 0 == bob.queue("export", *bob.names.values(), "--output", str(tmp_path / "jobs.tar"))[0]
    assert {str(tmp_path / "jobs.tar")} == {change.split()[1] for change in changes}
    assert before == tree(bob.spool.root)


def test_the_watch_sees_what_writes(bob: Bob) -> None:  # noqa: F811
    with watched() as changes:
        bob.queue("hold", bob.names["queued"])
    assert any("rename" in change for change in changes)


def test_a_spool_that_cannot_be_written(two_nodes: tuple[Node, Node]) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or run([unshare, "-rm", "true"]).status:
        pytest.skip("needs a mount namespace")
    alice, _ = two_nodes
    alice.run("gateway", "exec", "bob", "rsmtp", stdin=BATCH)
    alice.run("gateway", "queue", "hold", "--all")
    alice.run("gateway", "exec", "bob", "rsmtp", stdin=BATCH)
    mounted = f"mount --bind {alice.spool} {alice.spool} && mount -o remount,bind,ro {alice.spool}"
    gateway = f"{sys.executable} {gateway_script()} --config {alice.toml} queue"
    script = f"set -e; {mounted}; ! touch {alice.spool}/x 2>/dev/null; " + "; ".join(
        f"{gateway} {' '.join(words)}" for words in (["list", "--json"], ["list", "--shape"], ["check"])
    )
    done = run([unshare, "-rm", "sh", "-c", script], environ=ENVIRONMENT)
    assert 0 == done.status, done
    assert 2 == done.stdout.count(b'"packet"')
    assert b"all is well" in done.stderr
