"""Fixtures for all tests: real programs, and nodes to run them on.

A test that needs a program which cannot be had is skipped with the reason; where tests
must not be skipped (``CI`` or ``GATEWAY_REQUIRE_REAL`` in the environment) it fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests.real.cap import Recorder, write_recorder
from tests.real.exim import Exim
from tests.real.fetch import Unavailable, fetch
from tests.real.nodes import Node
from tests.real.postfix import Postfix

# No test is timed: on a busy machine an example may take any time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _required() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true") or bool(os.environ.get("GATEWAY_REQUIRE_REAL"))


def _unavailable(why: Unavailable) -> None:
    if _required():
        pytest.fail(f"a real program is missing: {why}", pytrace=False)
    pytest.skip(f"a real program is missing: {why}")


def _fetched(name: str) -> Path:
    try:
        return fetch(name)
    except Unavailable as why:
        _unavailable(why)
        raise


@pytest.fixture(scope="session")
def nncp_bin() -> Path:
    """The directory of the real ``nncp-exec`` and its siblings."""
    return _fetched("nncp") / "bin"


@pytest.fixture(scope="session")
def exim_prefix() -> Path:
    """The directory that the real Exim was unpacked to."""
    return _fetched("exim")


@pytest.fixture(scope="session")
def debian_exim() -> Path:
    """The directory of Debian's ``update-exim4.conf`` and of the ``etc/exim4`` it works on."""
    return _fetched("exim4-config")


@pytest.fixture(scope="session", params=["rmail", "postfix"])
def real_rmail(request: pytest.FixtureRequest) -> Path:
    """A real ``rmail``: that of sendmail, and the one that Debian's Postfix brings."""
    return (_fetched(request.param) / "bin/rmail").resolve()


@contextmanager
def _exims(prefix: Path) -> Iterator[Callable[..., Exim]]:
    made: list[Exim] = []

    def make(name: str, routers: str, transports: str, main: str = "") -> Exim:
        try:
            made.append(Exim(prefix, name, routers, transports, main))
        except Unavailable as why:
            _unavailable(why)
        return made[-1]

    yield make
    for exim in made:
        exim.close()


@contextmanager
def _postfixes() -> Iterator[Callable[..., Postfix]]:
    made: list[Postfix] = []

    def make(name: str, main: str = "", services: str = "") -> Postfix:
        made.append(Postfix(_fetched("postfix"), _fetched("fakeroot"), name, main, services))
        return made[-1]

    yield make
    for postfix in made:
        postfix.close()


@pytest.fixture
def make_exim(exim_prefix: Path) -> Iterator[Callable[..., Exim]]:
    """A function that makes a private Exim: ``make_exim(name, routers, transports, main="")``."""
    with _exims(exim_prefix) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_exim(exim_prefix: Path) -> Iterator[Callable[..., Exim]]:
    """As make_exim, for all tests of a module."""
    with _exims(exim_prefix) as make:
        yield make


@pytest.fixture
def make_postfix() -> Iterator[Callable[..., Postfix]]:
    """A function that makes a private Postfix: ``make_postfix(name, main="", services="")``."""
    with _postfixes() as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_postfix() -> Iterator[Callable[..., Postfix]]:
    """As make_postfix, for all tests of a module."""
    with _postfixes() as make:
        yield make


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A program that records what it is given, in place of sendmail."""
    return write_recorder(tmp_path / "recorder")


def _handles(recorder: Recorder) -> dict[str, list[str]]:
    return {"rsmtp": [str(recorder.program), "-bS"], "cap": [str(recorder.program)]}


@pytest.fixture
def two_nodes(tmp_path: Path, recorder: Recorder) -> tuple[Node, Node]:
    """alice and bob, direct neighbours; each may run the recorder at the other (rsmtp, cap)."""
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    for one, other in ((alice, bob), (bob, alice)):
        one.know(other, handles=_handles(recorder))
    return alice, bob


@pytest.fixture
def three_nodes(tmp_path: Path, recorder: Recorder) -> tuple[Node, Node, Node]:
    """alice, relay and bob: alice and bob reach each other through relay."""
    alice, relay, bob = (Node(tmp_path / name, name) for name in ("alice", "relay", "bob"))
    for one, other in ((alice, bob), (bob, alice)):
        one.know(relay)
        one.know(other, via=[relay], handles=_handles(recorder))
        relay.know(one)
    return alice, relay, bob


@pytest.fixture
def real_pair(nncp_bin: Path, two_nodes: tuple[Node, Node]) -> tuple[Node, Node]:
    """alice and bob with the real NNCP at hand."""
    for node in two_nodes:
        node.nncp_bin = nncp_bin
    return two_nodes


@pytest.fixture
def real_nodes(nncp_bin: Path, three_nodes: tuple[Node, Node, Node]) -> tuple[Node, Node, Node]:
    """alice, relay and bob with the real NNCP at hand."""
    for node in three_nodes:
        node.nncp_bin = nncp_bin
    return three_nodes
