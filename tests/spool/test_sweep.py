from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.spool.sweep import sweep

NODE, OTHER = "A" * 52, "B" * 51 + "A"
OLD, NEW, LYING = ("C" * 51 + "A", "D" * 51 + "A", "E" * 51 + "A")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for node in (NODE, OTHER):
        (tmp_path / node / "rx" / "seen").mkdir(parents=True)
    for name, age in ((OLD, 100), (NEW, 300), (LYING, 100)):
        mark = tmp_path / NODE / "rx" / "seen" / name
        mark.touch()
        os.utime(mark, (age, age))
    return tmp_path


def marks(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*/rx/seen/*"))


def test_marks_before_a_time_are_forgotten(root: Path) -> None:
    assert 2 == sweep(str(root), [NODE, OTHER], 200)
    assert [NEW] == marks(root)
    assert 0 == sweep(str(root), [NODE, OTHER], 200)


@pytest.mark.parametrize("box", ["rx", "work", "hold"])
@pytest.mark.parametrize("node", [NODE, OTHER])
def test_the_mark_of_what_still_lies_somewhere_stays(root: Path, node: str, box: str) -> None:
    (root / node / box).mkdir(exist_ok=True)
    (root / node / box / LYING).touch()
    assert 1 == sweep(str(root), [NODE, OTHER], 200)
    assert sorted([LYING, NEW]) == marks(root)


def test_what_is_no_mark_stays(root: Path) -> None:
    strange = root / NODE / "rx" / "seen" / "notes"
    strange.touch()
    os.utime(strange, (1, 1))
    (root / NODE / "rx" / "seen" / ("F" * 51 + "A")).mkdir()
    assert 3 == sweep(str(root), [NODE, OTHER, "G" * 51 + "A"], 1e9)
    assert sorted(["notes", "F" * 51 + "A"]) == marks(root)


def test_told_to_stop_it_stops(root: Path) -> None:
    assert 0 == sweep(str(root), [NODE, OTHER], 200, lambda: True)
    assert 3 == len(marks(root))


def test_marks_made_before_the_clock_was_set_get_their_whole_age(root: Path) -> None:
    assert 0 == sweep(str(root), [NODE, OTHER], 1.7e9)
    assert [OLD, NEW, LYING] == marks(root)
    assert all(path.stat().st_mtime > 1.7e9 for path in root.glob("*/rx/seen/*"))
