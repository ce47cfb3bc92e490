from __future__ import annotations

from pathlib import Path

import pytest

from gateway.journal.line import encode
from gateway.journal.segments import CURRENT
from gateway.journal.tail import tail
from gateway.mta import Event, EventKind


def write(directory: Path, name: str, *packets: str) -> None:
    directory.mkdir(exist_ok=True)
    with (directory / name).open("ab") as file:
        for number, packet in enumerate(packets):
            file.write(encode(Event(kind=EventKind.SENT, packet=packet, node="bob"), number))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_the_last_ones_over_all_files(tmp_path: Path, count: int) -> None:
    write(tmp_path, "events-1-1.jsonl", "A", "B")
    write(tmp_path, "events-2-1.jsonl", "C")
    write(tmp_path, CURRENT, "D", "E")
    assert ["A", "B", "C", "D", "E"][-count:] == [entry.packet for entry in tail(str(tmp_path), count)]


def test_what_is_no_line_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, CURRENT, "A")
    with (tmp_path / CURRENT).open("ab") as file:
        file.write(b"\xff{nonsense\n\n")
    write(tmp_path, CURRENT, "B")
    with (tmp_path / CURRENT).open("ab") as file:
        file.write(b'{"when": "20')
    assert ["A", "B"] == [entry.packet for entry in tail(str(tmp_path), 5)]


def test_a_long_file_is_read_at_its_end_only(tmp_path: Path) -> None:
    write(tmp_path, CURRENT, *(f"P{number}" for number in range(20_000)))
    assert [f"P{number}" for number in range(19_990, 20_000)] == [e.packet for e in tail(str(tmp_path), 10)]
    assert len(tail(str(tmp_path), 20_000)) < 20_000


def test_no_journal(tmp_path: Path) -> None:
    assert [] == tail(str(tmp_path / "none"), 5)
