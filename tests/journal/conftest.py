from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.defaults import journal
from gateway.journal.index import Index
from gateway.journal.place import Place
from gateway.mta import Event, EventKind


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "journal"))


@pytest.fixture
def config(place: Place, tmp_path: Path) -> Config:
    options = {"journal": {"path": place.path}}
    return Config("gateway.toml", "toml", str(tmp_path), None, {}, plugin=options)


@pytest.fixture(autouse=True)
def uncomplaining() -> Iterator[None]:
    journal._complained.clear()
    yield
    journal._complained.clear()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def note(config: Config) -> Callable[..., None]:
    """Note an event in the journal, as the hook does."""

    def tell(kind: EventKind, packet: str = "P", node: str = "bob", text: str = "", **detail: object) -> None:
        journal.gateway_event(Event(kind, packet, node, text=text, detail=detail), config)

    return tell


@pytest.fixture
def search(place: Place, said: list[str]) -> Callable[[str], list[str]]:
    """Return what is found by a word: kind and packet, the newest first."""

    def find(text: str) -> list[str]:
        with Index(place, say=said.append) as index:
            index.refresh()
            return [f"{one.entry.event} {one.entry.packet}" for one in index.search(text)]

    return find
