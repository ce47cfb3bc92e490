"""The part that makes calls, in this process."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.model import Neighbour
from gateway.engine.ground import identity_of
from gateway.errors import LockBusy
from gateway.registry import Registry
from gateway.service import calling as module
from gateway.service.calling import Calling, callable_neighbours
from gateway.service.ground import Ground
from gateway.spool.spool import Spool
from tests.real.nodes import Node

LIMIT = 60.0


def test_a_call_that_fails_as_nobody_thought_of_concerns_no_other(
    two_nodes: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bob = two_nodes
    for name in ("evil", "good"):
        bob.know(
            Node(tmp_path / name, name), toml='addrs.x = "127.0.0.1:1"\ncalls = [{ cron = "* * * * * * *" }]'
        )
    config, said = load(str(bob.toml)), list[str]()
    called: list[str] = []

    def call(_party: object, neighbour: Neighbour, *_args: object) -> None:
        called.append(neighbour.name)
        if neighbour.name == "evil":
            raise ValueError("never thought of")
        raise LockBusy("as where there is a session already")

    monkeypatch.setattr(module, "call_neighbour", call)
    ground = Ground(
        config, identity_of(config), Spool(config.spool), Registry(config, report=said.append),
        said.append, said.append, threading.Event(),
    )  # fmt: skip

    async def scene() -> None:
        task = asyncio.create_task(Calling(ground, callable_neighbours(config)).run(lambda: None))
        async with asyncio.timeout(LIMIT):
            while min(called.count("evil"), called.count("good")) < 2:
                assert not task.done()
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())
    assert {"evil: ValueError: never thought of"} == set(said)
