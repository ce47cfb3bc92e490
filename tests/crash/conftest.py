from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _syncing_for_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the syncs be called and counted; that this disk really performs them proves nothing here."""
    monkeypatch.delenv("NNCPNOSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
