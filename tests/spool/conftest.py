from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.spool.layout import Job
from gateway.spool.spool import Spool
from tests.spool.samples import PACKET, text_of


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "spool")


@pytest.fixture
def spool(root) -> Spool:
    return Spool(root)


@pytest.fixture
def bob() -> str:
    return text_of("bob")


@pytest.fixture
def name() -> str:
    return text_of("packet")


@pytest.fixture
def put(spool, bob) -> Callable[..., Job]:
    """Commit a packet and return its job."""

    def put(name: str, box: str = "rx", node: str = bob, content: bytes = PACKET) -> Job:
        with spool.stage() as staged:
            staged.write(content)
            staged.complete()
            spool.commit(staged, node, box, name)
        job = spool.job(node, box, name)
        assert job is not None
        return job

    return put


@pytest.fixture
def tree(root) -> Callable[[], set[str]]:
    """List everything below the spool, directories with a slash."""

    def tree() -> set[str]:
        found = set()
        for here, directories, files in os.walk(root):
            for name in directories + files:
                path = os.path.join(here, name)
                slash = "/" if os.path.isdir(path) and not os.path.islink(path) else ""
                found.add(os.path.relpath(path, root) + slash)
        return found

    return tree


@pytest.fixture
def files(tree) -> Callable[[], set[str]]:
    """List the files below the spool only."""
    return lambda: {entry for entry in tree() if not entry.endswith("/")}
