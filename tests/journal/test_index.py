from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.errors import GatewayError
from gateway.journal.index import Index
from gateway.journal.line import encode
from gateway.journal.place import Place
from gateway.journal.segments import CURRENT, INDEX, append
from gateway.mta import Event, EventKind

Note = Callable[..., None]
Search = Callable[[str], list[str]]

JOE = {
    "from": "joe@a.example",
    "to": ["x@b.example", "y@b.example"],
    "id": "<One.2@a.example>",
    "queue": "1abc-DEF-7",
}
ANN = {"from": "ann@a.example", "to": ["x@b.example"], "id": "<three@a.example>"}


def file_of(place: Place) -> Path:
    return Path(place.path) / INDEX


@pytest.mark.parametrize(
    "word",
    [
        "<One.2@a.example>",
        "one.2@A.example",
        "1abc-def-7",
        "JOE@a.example",
        "y@b.example",
        "OUTER",
        "INNER",
        "uNcLe",
    ],
)
def test_an_event_is_found_by_every_word_of_it(note: Note, search: Search, word: str) -> None:
    note(
        EventKind.SUBMITTED, "OUTER", layers=("OUTER", "MIDDLE", "INNER"), messages=[JOE], message_id="UNCLE"
    )
    note(EventKind.SUBMITTED, "ELSE", layers=("ELSE",), messages=[ANN])
    assert ["submitted OUTER"] == search(word)


def test_a_report_about_many_packets_is_found_by_each_and_leads_to_no_other(
    note: Note, search: Search
) -> None:
    for name in ("FIRST", "SECOND"):
        note(EventKind.DELAYED, name)
    note(EventKind.SUBMITTED, "REPORT", delay_of=["FIRST", "SECOND"])
    note(EventKind.DELIVERED, "REPORT")
    assert ["delivered REPORT", "submitted REPORT", "delayed FIRST"] == search("first")
    assert ["delivered REPORT", "submitted REPORT"] == search("report")


def test_a_beginning_counts_if_there_is_no_whole_and_a_part_if_no_beginning(
    note: Note, search: Search
) -> None:
    note(EventKind.SENT, "AAAABBBB")
    note(EventKind.SENT, "AAAABBBBCC")
    note(EventKind.SENT, "XAAAABBBB")
    assert ["sent AAAABBBB"] == search("aaaabbbb")
    assert ["sent AAAABBBBCC", "sent AAAABBBB"] == search("aaaab")
    assert ["sent XAAAABBBB", "sent AAAABBBBCC", "sent AAAABBBB"] == search("aabb")
    assert [] == search("abb"), "three letters are a part of everything"
    assert [] == search("%") == search("") == search(" <> ")


def test_what_happened_to_the_same_packets_belongs_together(note: Note, search: Search) -> None:
    note(EventKind.SUBMITTED, "OUT", layers=("OUT", "IN"), messages=[JOE])
    note(EventKind.CALL_STARTED, "", session="s1")
    note(EventKind.CALL_STARTED, "", session="s2")
    note(EventKind.SENT, "OUT", session="s1")
    note(EventKind.SENT, "OTHER", session="s1")
    note(EventKind.CALL_FINISHED, "", session="s1")
    note(EventKind.RELAYED, "OTHER", **{"as": "OTHER2"})
    note(EventKind.ACKNOWLEDGED, "ACK", of="IN")
    assert [
        "acknowledged ACK", "call-finished ", "sent OUT", "call-started ", "submitted OUT",
    ] == search("x@b.example")  # fmt: skip
    assert ["relayed OTHER", "call-finished ", "sent OTHER", "call-started "] == search("OTHER2")


def test_a_deleted_index_is_made_anew(note: Note, search: Search, place: Place) -> None:
    note(EventKind.SENT, "PACKET")
    assert ["sent PACKET"] == search("PACKET")
    file_of(place).unlink()
    assert ["sent PACKET"] == search("PACKET")


@pytest.mark.parametrize("how", ["noise", "cut", "schema", "version", "empty"])
def test_a_damaged_index_is_made_anew(
    note: Note, search: Search, place: Place, said: list[str], how: str
) -> None:
    for number in range(200):
        note(EventKind.SENT, f"PACKET{number}")
    assert ["sent PACKET7"] == search("PACKET7")
    file = file_of(place)
    if how == "noise":
        file.write_bytes(b"noise" * 1000)
    elif how == "cut":
        with sqlite3.connect(file) as base:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif how == "empty":
        file.write_bytes(b"")
    else:
        with sqlite3.connect(file) as base:
            base.execute("DROP TABLE event" if how == "schema" else "PRAGMA user_version = 99")
        base.close()
    note(EventKind.SENT, "LATER")
    assert ["sent PACKET7"] == search("PACKET7")
    assert ["sent LATER"] == search("LATER")
    assert how == "empty" or "made anew" in said[0], said


def test_where_the_index_cannot_be_written_it_lives_in_memory(
    note: Note, search: Search, place: Place, said: list[str]
) -> None:
    note(EventKind.SENT, "PACKET")
    file_of(place).mkdir()  # also where tests run as root
    assert ["sent PACKET"] == search("PACKET")
    assert 1 == len(said)
    assert "in memory" in said[0]


def test_a_full_disk_keeps_the_index_in_memory(place: Place, config: Config) -> None:
    """The limit on the size of files stands for the full disk."""
    for number in range(3000):
        append(place, encode(Event(EventKind.SENT, f"PACKET{number}", "bob"), number))
    program = (
        "import resource, signal, sys\n"
        "from gateway.journal.index import Index\n"
        "from gateway.journal.place import Place\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "with Index(Place(sys.argv[1]), say=print) as index:\n"
        "    index.refresh()\n"
        "    print(len(index.search('PACKET2999')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, place.path], capture_output=True, text=True, check=True, timeout=60
    )
    *said, count = done.stdout.splitlines()
    assert ("1", True) == (count, "in memory" in said[0]), done


def test_a_line_that_is_not_whole_yet_is_taken_in_later(note: Note, search: Search, place: Place) -> None:
    note(EventKind.SENT, "FIRST")
    line = encode(Event(EventKind.SENT, "SECOND", "bob"), 1)
    with open(f"{place.path}/{CURRENT}", "ab", buffering=0) as file:
        file.write(line[:50])
        assert [] == search("SECOND")
        file.write(line[50:])
    assert ["sent SECOND"] == search("SECOND")


def test_lines_that_say_nothing_are_passed_over(note: Note, search: Search, place: Place) -> None:
    note(EventKind.SENT, "FIRST")
    with open(f"{place.path}/{CURRENT}", "ab") as file:
        file.write(b"\n\xff\x00 noise\n{}\n" + b'{"when": "cut off by a full dis')
    note(EventKind.SENT, "SECOND")
    assert ["sent FIRST"] == search("FIRST")
    assert ["sent SECOND"] == search("SECOND")


def test_a_file_that_was_put_aside_is_not_read_twice_and_one_that_is_gone_is_forgotten(
    note: Note, search: Search, place: Place
) -> None:
    note(EventKind.SENT, "FIRST")
    assert ["sent FIRST"] == search("FIRST")
    aside = f"{place.path}/events-1-1.jsonl"
    os.rename(f"{place.path}/{CURRENT}", aside)
    with open(aside, "ab") as late:  # by one who had it open
        late.write(encode(Event(EventKind.SENT, "LATE", "bob"), 5))
    note(EventKind.SENT, "SECOND")
    assert ["sent FIRST"] == search("FIRST")
    assert ["sent LATE"] == search("LATE")
    os.unlink(aside)
    assert [] == search("FIRST") == search("LATE")
    assert ["sent SECOND"] == search("SECOND")


def test_without_a_journal_nothing_is_found_and_nothing_made(
    search: Search, place: Place, said: list[str]
) -> None:
    assert [] == search("PACKET")
    assert [] == said
    assert not os.path.exists(place.path)


def test_several_write_and_read_at_once(note: Note, search: Search, place: Place) -> None:
    def write(name: str) -> None:
        for number in range(200):
            note(EventKind.SENT, f"{name}{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ONE-", "TWO-", "SIX-")]
    threads += [threading.Thread(target=search, args=("ONE-",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200, 200, 200] == [len(search(name)) for name in ("ONE-", "TWO-", "SIX-")]


def test_a_hundred_thousand_events_are_searched_without_looking_at_each(
    place: Place, said: list[str]
) -> None:
    os.mkdir(place.path)
    with open(f"{place.path}/{CURRENT}", "wb") as file:
        for number in range(100_000):
            detail = {"messages": [{"from": f"u{number}@a.example", "id": f"<{number}@a.example>"}]}
            file.write(encode(Event(EventKind.SUBMITTED, f"PACKET{number:06}", "bob", detail=detail), number))
    with Index(place, say=said.append) as index:
        index.refresh()
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        index._base.set_progress_handler(count, 100)
        for word in ("<77777@a.example>", "PACKET077777", "packet0777777"[:12], "u77777@a.example"):
            assert ["PACKET077777"] == [one.entry.packet for one in index.search(word)]
        assert steps < 100, "hundreds of steps of SQLite"
        index._base.set_progress_handler(None, 0)
        assert ["PACKET077777"] == [one.entry.packet for one in index.search("77777@a.exam")]


def test_a_journal_that_cannot_be_written_is_complained_of_once(
    note: Note, search: Search, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(GatewayError, match=r"journal .*/journal: Not a directory"):
        note(EventKind.SENT)
    note(EventKind.SENT)
    (tmp_path / "journal").unlink()
    note(EventKind.SENT, "PACKET")
    assert ["sent PACKET"] == search("PACKET")
    (tmp_path / "journal" / CURRENT).unlink()
    (tmp_path / "journal" / CURRENT).mkdir()
    with pytest.raises(GatewayError):
        note(EventKind.SENT)
