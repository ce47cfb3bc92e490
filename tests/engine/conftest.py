from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.parties import Party


@pytest.fixture
def party(tmp_path: Path) -> Callable[[str], Party]:
    return lambda name: Party(tmp_path, name)


@pytest.fixture
def alice(party: Callable[[str], Party]) -> Party:
    return party("alice")


@pytest.fixture
def bob(party: Callable[[str], Party], alice: Party) -> Party:
    """Alice and Bob know each other; what Alice sends goes into Bob's memory."""
    bob = party("bob")
    alice.knows(bob)
    bob.knows(alice)
    return bob
