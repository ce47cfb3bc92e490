from __future__ import annotations

import pytest

from tests.testing.outside import Outside


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """A virtual environment with the installed wheel."""
    return Outside.build(tmp_path_factory.mktemp("outside"))
