"""The journal's past, read without an index: by packet, and by neighbour."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.journal import past
from gateway.journal.line import encode
from gateway.journal.past import last_session, submissions
from gateway.journal.place import Place
from gateway.journal.segments import CURRENT
from gateway.mta import Event, EventKind
from tests.spool.samples import text_of

NAMES = [text_of(number) for number in range(6)]
DAY = 86_400.0
Note = Callable[..., None]


def segment(place: Place, name: str, when: float, *packets: str) -> Path:
    path = Path(place.path) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        b"".join(encode(Event(EventKind.SUBMITTED, one, "bob"), int(when * 1e9)) for one in packets)
    )
    os.utime(path, (when, when))
    return path


def test_the_submissions_of_some_packets(place: Place, note: Note) -> None:
    now = time.time()
    for name in NAMES:
        note(EventKind.SUBMITTED, name, messages=[{"from": "joe@a.example"}])
        note(EventKind.SENT, name)
    note(EventKind.RELAYED, NAMES[4])
    found = submissions(place.path, [*NAMES[1:3], text_of("unknown")], now, now)
    assert set(NAMES[1:3]) == found.keys()
    assert {"messages": [{"from": "joe@a.example"}]} == found[NAMES[1]].detail


def test_what_a_full_disk_cut_off_hides_nothing_behind_it(place: Place) -> None:
    whole = segment(place, CURRENT, time.time(), NAMES[0])
    line = whole.read_bytes()
    whole.write_bytes(line.replace(NAMES[0].encode(), NAMES[1].encode())[:-20] + line)
    found = submissions(place.path, NAMES, 0, time.time())
    assert NAMES[0:1] == [entry.packet for entry in found.values()]


def test_files_of_other_times_are_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for days in (5, 4, 3, 2):
        segment(place, f"events-{10 - days}-1.jsonl", now - days * DAY, NAMES[days])
    segment(place, CURRENT, now, NAMES[1])
    monkeypatch.setattr(past, "_SLACK", 0.0)
    read = [os.path.basename(file) for file in past._covering(place.path, now - 3.5 * DAY, now - 3.2 * DAY)]
    assert ["events-7-1.jsonl"] == read
    when = now - 3 * DAY - 1
    assert NAMES[3:4] == list(submissions(place.path, NAMES, when, when))
    assert NAMES[1:2] == list(submissions(place.path, NAMES, now, now))


def test_the_last_session_with_a_neighbour(place: Place, note: Note) -> None:
    assert None is last_session(place.path, "bob")
    before = int(time.time())
    note(EventKind.CALL_STARTED, "", "bob")
    Path(place.path, CURRENT).rename(Path(place.path, "events-1-1.jsonl"))
    note(EventKind.CALL_FAILED, "", "bob")
    note(EventKind.CALL_FINISHED, "", "bobby", text='"node": "bob"')
    found = last_session(place.path, "bob")
    assert found is not None
    assert before <= found <= time.time()
    assert None is last_session(place.path, "carol")


def test_an_empty_file_and_one_without_access_are_passed_over(place: Place, note: Note) -> None:
    note(EventKind.CALL_FINISHED, "", "bob")
    Path(place.path, CURRENT).rename(Path(place.path, "events-1-1.jsonl"))
    Path(place.path, CURRENT).touch()
    assert None is not last_session(place.path, "bob")
    assert {} == submissions(f"{place.path}/none", NAMES, 0, time.time())
