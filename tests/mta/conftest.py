from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.parties import Party


@pytest.fixture
def alice(tmp_path: Path) -> Party:
    return Party(tmp_path, "alice")


@pytest.fixture
def bob(tmp_path: Path, alice: Party) -> Party:
    bob = Party(tmp_path, "bob")
    alice.knows(bob)
    return bob
