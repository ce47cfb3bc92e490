"""Many clients at once, one sync for many packets: no answer is given before its packet is safe.

Safe is what a directory sync covers that *began* after the rename; of one that was under way by then
nobody knows whether it saw the name.
"""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.config import load
from gateway.engine.reception import Desk, Reception
from gateway.mail.lmtp import Machine
from gateway.registry import Registry
from gateway.service.lmtp_conversation import Conversation, Left
from gateway.spool.shared_sync import SharedSync
from gateway.spool.spool import Spool
from tests.crash.shim import around
from tests.real.nodes import Node
from tests.service.lmtp import served

CLIENTS, MESSAGES = 12, 8
ENVELOPE = b"LHLO x\r\nMAIL FROM:<joe@a.example>\r\nRCPT TO:<x@b.example>\r\nDATA\r\n"


class Sync(NamedTuple):
    path: str
    began: int
    ended: int


class Recorder:
    """Renames, syncs of directories and answers, in the steps of one clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step = 0
        self._directories: dict[int, str] = {}
        self.renamed: dict[str, int] = {}
        self.files_synced: dict[str, int] = {}
        self.syncs: list[Sync] = []
        self.promised: dict[str, int] = {}

    def step(self) -> int:
        with self._lock:
            self._step += 1
            return self._step

    def call(self, name: str, function: Any, arguments: tuple[Any, ...]) -> Any:
        if name == "fsync" and arguments[0] in self._directories:
            began = self.step()
            path = self._directories[arguments[0]]
            time.sleep(0.01)  # a disk, so that others come meanwhile
            function(*arguments)
            self.syncs.append(Sync(path, began, self.step()))
            return None
        result = function(*arguments)
        if name == "open":
            path = os.fspath(arguments[0])
            self._directories.pop(result, None)
            if os.path.isdir(path):
                self._directories[result] = path
        if name == "rename" and "/tx/" in arguments[1] and "/hdr/" not in arguments[1]:
            self.renamed[arguments[1]] = self.step()
        return result

    def wrong(self, tx: str) -> list[str]:
        """Return the packets that were promised too early."""
        return [
            name
            for name, promised in self.promised.items()
            if not any(
                sync.path == tx and self.renamed[f"{tx}/{name}"] < sync.began and sync.ended < promised
                for sync in self.syncs
            )
        ]


class Script:
    """A client that sends its messages one after the other, and a recorder for what it is told."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        self._recorder = recorder
        texts = [b"Subject: %d of %d\r\n\r\nhi\r\n.\r\n" % (one, number) for one in range(MESSAGES)]
        begin = ENVELOPE.partition(b"MAIL")
        self._octets = [begin[0]]
        for text in texts:
            self._octets += [b"MAIL" + begin[2], text]
        self._octets.append(b"QUIT\r\n")

    def read(self, *, between: bool, until: float) -> bytes:
        if not self._octets:
            raise Left(None, "it left")
        return self._octets.pop(0)

    def write(self, octets: bytes) -> None:
        for name in re.findall(rb"(?m)^250 2\.6\.0 queued for bob as (\S+)", octets):
            self._recorder.promised[name.decode()] = self._recorder.step()


def converse(node: Node) -> tuple[Recorder, str]:
    """Let all clients talk at once; return what was recorded, and the directory."""
    config = load(str(node.toml))
    spool = Spool(config.spool, umask=config.umask, nohdr=True).sharing()
    registry = Registry(config, report=print)
    desk = Desk(config, spool, registry, one_at_a_time=threading.Lock())
    recorder = Recorder()

    def client(number: int) -> None:
        line: Any = Script(recorder, number)
        Conversation(line, Machine("x"), Reception(desk)).run()

    with around(recorder.call), ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return recorder, f"{config.spool}/{node.neighbours['bob'].node.keys.id}/tx"


@pytest.fixture
def alice(two_nodes: tuple[Node, Node], tmp_path: Path) -> Node:
    served(two_nodes[0], tmp_path / "lmtp.sock")
    return two_nodes[0]


def test_no_answer_comes_before_a_sync_that_began_after_the_rename(alice: Node) -> None:
    recorder, tx = converse(alice)
    assert CLIENTS * MESSAGES == len(recorder.promised) == len(alice.packets("tx"))
    assert [] == recorder.wrong(tx)
    shared = [sync for sync in recorder.syncs if sync.path == tx]
    assert len(shared) < CLIENTS * MESSAGES / 2, "nothing was shared"


def test_it_is_noticed_when_one_goes_by_a_sync_that_was_under_way(
    alice: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = SharedSync.__call__

    def careless(self: SharedSync, path: str) -> None:
        with self._changed:
            if path in self._running:
                self._changed.wait_for(lambda: path not in self._running)
                return
        original(self, path)

    monkeypatch.setattr(SharedSync, "__call__", careless)
    recorder, tx = converse(alice)
    assert recorder.wrong(tx)
