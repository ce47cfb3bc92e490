from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.nodes import Node
from tests.service.resident import free_port

EVERY_SECOND = 'calls = [{ cron = "* * * * * * *", when-tx-exists = true }]\nonlinedeadline = 1'


class Pair(NamedTuple):
    """alice calls bob every second when she has something; either has a Maildir for the other."""

    alice: Node
    bob: Node
    port: int

    @property
    def at_bob(self) -> Path:
        return self.bob.directory / "Maildir"


def inbox(node: Node) -> str:
    return f'exec.rsmtp = {{ egress = "maildir", path = "{node.directory}/Maildir" }}\n'


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    port = free_port()
    alice.know(bob, toml=f'{inbox(alice)}addrs.lan = "127.0.0.1:{port}"\n{EVERY_SECOND}')
    bob.know(alice, toml=f"{inbox(bob)}onlinedeadline = 1")
    bob.tail = f'[serve]\ndaemon = "127.0.0.1:{port}"\n'
    bob.write()
    return Pair(alice, bob, port)
