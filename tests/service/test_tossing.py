"""The part that delivers, in this process, while the spool is not as it should be."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.config import load
from gateway.engine.ground import identity_of
from gateway.errors import SpoolError
from gateway.program import kill_running
from gateway.registry import Registry
from gateway.service import tossing as module
from gateway.service.ground import Ground
from gateway.service.tossing import Tossing
from gateway.spool.spool import Spool
from tests.real.cap import write_recorder
from tests.real.nodes import Node, carry
from tests.service.resident import submit

LIMIT = 60.0


class Shaky(Spool):
    """A spool that cannot be listed while `trouble` says why."""

    trouble = ""

    def nodes(self) -> list[str]:
        if self.trouble:
            raise SpoolError(self.trouble)
        return super().nodes()


def test_nobody_waits_for_deliveries_under_way_when_the_spool_could_not_be_read(
    two_nodes: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where for a moment there were no descriptors left."""
    monkeypatch.setattr(module, "_MOMENT", 0.01)
    alice, bob = two_nodes
    mallory = Node(tmp_path / "mallory", "mallory")
    mallory.know(bob)
    slow, quick = write_recorder(tmp_path / "slow", sleep=3600), write_recorder(tmp_path / "quick")
    bob.know(mallory, toml=f'exec.rsmtp = ["{slow.program}"]')
    bob.know(alice, toml=f'exec.rsmtp = ["{quick.program}"]')
    for number, node in enumerate((mallory, alice)):
        submit(node, bob, f"mail {number}")
    carry(mallory, bob, tmp_path / "medium", tx="gateway", rx="gateway")

    config, said = load(str(bob.toml)), list[str]()
    spool = Shaky(config.spool)
    registry = Registry(config, report=said.append)
    leaving = threading.Event()
    ground = Ground(config, identity_of(config), spool, registry, said.append, said.append, leaving)

    async def scene() -> None:
        task = asyncio.create_task(Tossing(ground).run(lambda: None))
        async with asyncio.timeout(LIMIT):
            while not slow.calls():
                await asyncio.sleep(0.02)
            spool.trouble = "too many open files"
            carry(alice, bob, tmp_path / "medium", tx="gateway", rx="gateway")
            while not said:
                await asyncio.sleep(0.02)
            spool.trouble = ""
            while not quick.calls():
                assert not task.done()
                await asyncio.sleep(0.02)
        assert 1 == len([*spool.jobs(mallory.keys.id, "work")]), "the other delivery is under way still"
        task.cancel()
        kill_running()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())
    assert "tosser: too many open files" == said[0]
