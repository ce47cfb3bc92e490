from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.model import Config
from gateway.defaults.journal import gateway_event
from gateway.errors import ConfigError
from gateway.journal.place import Place, place_of
from gateway.journal.segments import CURRENT, append, prune, segments
from gateway.mta import Event, EventKind

DAY = 86400


def sizes(place: Place) -> list[int]:
    return [os.stat(file).st_size for file in segments(place.path)]


def test_lines_go_to_the_end(place: Place) -> None:
    for line in (b"one\n", b"two\n"):
        append(place, line)
    assert [f"{place.path}/{CURRENT}"] == segments(place.path)
    assert b"one\ntwo\n" == Path(place.path, CURRENT).read_bytes()


def test_a_large_file_is_put_aside_and_the_oldest_are_dropped(place: Place) -> None:
    place = place._replace(max_size=1024 * 1024)
    line = b"x" * 9999 + b"\n"
    for _ in range(300):
        append(place, line)
    assert 3 <= len(sizes(place))
    assert sum(sizes(place)) <= place.max_size + place.max_size // 4
    assert all(size <= place.max_size // 8 + len(line) for size in sizes(place))


def test_yesterdays_file_is_put_aside_and_what_is_too_old_is_dropped(place: Place) -> None:
    place = place._replace(max_age=10.0 * DAY)
    append(place, b"old\n")
    yesterday = time.time() - DAY
    os.utime(f"{place.path}/{CURRENT}", (yesterday, yesterday))
    append(place, b"new\n")
    aside, current = segments(place.path)
    assert (b"old\n", b"new\n") == (Path(aside).read_bytes(), Path(current).read_bytes())
    prune(place, time.time() + 9.5 * DAY)
    assert [current] == segments(place.path)
    prune(place, time.time() + 11 * DAY)
    assert [] == segments(place.path)


def test_other_files_beside_it_are_left_alone(place: Place) -> None:
    append(place, b"line\n")
    other = Path(place.path, "notes.txt")
    other.write_text("mine")
    prune(place, time.time() + 365 * DAY)
    assert (True, []) == (other.exists(), segments(place.path))


def test_the_directory_is_made_in_a_spool_that_is_there_and_nowhere_else(tmp_path: Path) -> None:
    append(Place(str(tmp_path / "journal")), b"line\n")
    with pytest.raises(FileNotFoundError):
        append(Place(str(tmp_path / "not mounted" / "journal")), b"line\n")
    assert ["journal"] == os.listdir(tmp_path)


def test_a_disk_with_no_room_is_said(place: Place) -> None:
    append(place, b"line\n")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
            append(place, b"another line\n")
        except OSError:
            status = 0
        finally:
            os._exit(status)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_several_processes_write_whole_lines(place: Place) -> None:
    place = place._replace(max_size=1024 * 1024)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            for _ in range(200):
                append(place, f"{number}".encode() * 999 + b"\n")
            os._exit(0)
        children.append(child)
    assert [0] * 4 == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    lines = [line for file in segments(place.path) for line in Path(file).read_bytes().splitlines()]
    assert 800 == len(lines)
    assert {999} == set(map(len, lines))


def config(**options: object) -> Config:
    return Config("gateway.toml", "toml", "/spool", None, {}, plugin={"journal": options} if options else {})


def test_it_lies_in_the_spool_unless_told_otherwise() -> None:
    assert Place("/spool/journal") == place_of(config())
    options = {"path": "/elsewhere", "max-size": "1 MiB", "max-age": "2d", "enabled": False}
    assert Place("/elsewhere", 1024 * 1024, 2.0 * DAY, enabled=False) == place_of(config(**options))


def test_every_mistake_in_its_table_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        place_of(config(path="here", enabled=1, **{"max-size": "big", "max-age": -1, "color": "red"}))
    keys = [mistake.split(": ")[1] for mistake in caught.value.mistakes]
    assert [f"plugin.journal.{key}" for key in ("path", "enabled", "max-size", "max-age", "color")] == keys


def test_mistakes_are_said_once_and_switched_off_it_writes_nothing(tmp_path: Path) -> None:
    event = Event(EventKind.SENT, "P", "bob")
    wrong = config(color="red")._replace(spool=str(tmp_path), path="wrong.toml")
    with pytest.raises(ConfigError):
        gateway_event(event, wrong)
    gateway_event(event, wrong)
    gateway_event(event, config(enabled=False)._replace(spool=str(tmp_path)))
    assert [] == os.listdir(tmp_path)


@given(st.integers(0, 10), st.integers(1, 5))
def test_pruning_keeps_the_newest_within_the_size(count: int, fit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            Path(folder, f"events-{number}-1.jsonl").write_bytes(b"x" * 100)
        prune(Place(folder, max_size=fit * 100), time.time())
        kept = [f"{folder}/events-{number}-1.jsonl" for number in range(count)][-fit:]
        assert kept == segments(folder)


def test_nothing_of_the_journal_is_readable_for_everybody(place: Place, note: Callable[..., None]) -> None:
    before = os.umask(0o007)
    try:
        note(EventKind.SENT)
    finally:
        os.umask(before)
    for path in (place.path, f"{place.path}/{CURRENT}"):
        assert 0 == os.stat(path).st_mode & 0o007


def test_what_is_no_file_holds_nobody(place: Place) -> None:
    append(place, b"line\n")
    os.mkfifo(f"{place.path}/events-1-1.jsonl")
    assert [f"{place.path}/{CURRENT}"] == segments(place.path)
    os.unlink(f"{place.path}/{CURRENT}")
    os.mkfifo(f"{place.path}/{CURRENT}")
    with pytest.raises(OSError, match="No such device"):
        append(place, b"line\n")
