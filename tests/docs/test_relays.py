"""docs/relays.md, done from top to bottom by three nodes that have only been made."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.hosts import hosts
from tests.docs.pages import ROOT, blocks
from tests.docs.walk import steps, walk

TEXT = (ROOT / "docs" / "relays.md").read_text()
_PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"


def test_every_step_at_three_hosts(tmp_path: Path) -> None:
    with hosts(tmp_path, ["alice", "hub", "bob"], path=_PATH) as there:
        for host in there.values():
            host.run('export GATEWAY_CONFIG="$HOME/gateway/gateway.toml"')
            host.run(f"gateway init --name {host.name} ~/gateway > ~/{host.name}.block")
        walk(TEXT, there)


def test_every_block_is_a_step() -> None:
    assert [*blocks(TEXT, "sh"), *blocks(TEXT, "text")] == [
        step.body for what in ("run", "see") for step in steps(TEXT) if step.what == what
    ]
