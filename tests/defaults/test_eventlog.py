from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.config.model import Config, Neighbour
from gateway.defaults import eventlog, nncp_record
from gateway.defaults.eventlog import gateway_event
from gateway.errors import GatewayError
from gateway.mta import Event, EventKind
from gateway.packet.identity import decode
from tests.real.nodes import Node

PACKET = "ESTZU4GQIGDX72GPMXHAUDJKUM7UVSQXMF2OWC6VR7MTYPLYFNSA"
BOB = "KFXYB75DW3A3GSSEP3F3PIULPXQT74OAUURNFT4SEPPMN345AQPA"
SAMPLE = Path(__file__).parents[1] / "vectors/nncp/log/sample.rec"
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")

Record = list[tuple[str, str]]

FINISHED: dict[str, object] = {
    "session": "s",
    "duration": 2.5,
    "rx_bytes": 1000,
    "tx_bytes": 50,
    "offered": {"rx": [3, 3000], "tx": [1, 20]},
    "broken": False,
}


def neighbours(bob: str) -> dict[str, Neighbour]:
    return {"bob": Neighbour("bob", decode(bob), bytes(32), bytes(32))}


def config(log: object, **more: Any) -> Config:
    return Config("c", "toml", "/s", None, neighbours(BOB), log=str(log) if log else None, **more)


def event(kind: EventKind = EventKind.SUBMITTED, **more: Any) -> Event:
    detail = more.pop("detail", {"handle": "rmail", "arguments": ("b@bob.example",), "reply_nice": 224})
    values: dict[str, Any] = {"packet": PACKET, "node": "bob", "niceness": 96, "size": 290, **more}
    return Event(kind=kind, detail=detail, **values)


def records(text: str) -> list[Record]:
    """Read a recfile as its manual describes it."""
    assert text.startswith("\n")
    found: list[Record] = []
    for block in text[1:].removesuffix("\n").split("\n\n"):
        record: Record = []
        for line in block.split("\n"):
            if line.startswith("+"):
                name, value = record.pop()
                record.append((name, value + "\n" + line.removeprefix("+").removeprefix(" ")))
            else:
                name, colon, value = line.partition(": ")
                assert colon
                record.append((name, value))
        found.append(record)
    return found


def written(log: Path, *events: Event) -> list[Record]:
    for one in events:
        gateway_event(one, config(log))
    return records(log.read_text())


@pytest.fixture(autouse=True)
def _fresh() -> None:
    eventlog._complained.clear()


def test_a_queued_job_has_the_fields_of_nncp_in_its_order(tmp_path: Path) -> None:
    (ours,) = written(tmp_path / "log", event())
    theirs = records(SAMPLE.read_text())[0]
    assert [name for name, _ in theirs] == [name for name, _ in ours]
    assert theirs[1:-1] == ours[1:-1]
    assert WHEN.fullmatch(ours[0][1])


def test_a_failed_handle_has_the_fields_of_nncp_in_its_order(tmp_path: Path) -> None:
    theirs = next(r for r in records(SAMPLE.read_text()) if ("Who", "rx-handle") in r)
    detail = {"handle": "rmail", "arguments": ("b@bob.example",), "output": "line one\n\nline three\n"}
    (ours,) = written(tmp_path / "log", event(EventKind.DEFERRED, text="exit status 75", detail=detail))
    assert [name for name, _ in theirs] == [name for name, _ in ours]
    for name in ("Err", "Who", "Type", "Dst", "Output"):
        assert dict(theirs)[name] == dict(ours)[name]


@pytest.mark.parametrize(
    ("kind", "detail", "who"),
    [
        (EventKind.SUBMITTED, {}, "tx"),
        (EventKind.DELIVERED, {}, "rx"),
        (EventKind.RELAYED, {"type": "trns", "next": "bob"}, "rx"),
        (EventKind.DEFERRED, {"handle": "rmail"}, "rx-handle"),
        (EventKind.HELD, {}, "rx-open"),
        (EventKind.HELD, {"handle": "x", "who": "rx-no-handle"}, "rx-no-handle"),
        (EventKind.SENT, {"link": "xfer", "path": "/media/usb"}, "xfer-tx"),
        (EventKind.RECEIVED, {"link": "xfer"}, "xfer-rx"),
        (EventKind.RECEIVED, {"link": "xfer", "known": True}, "xfer-rx-seen"),
        (EventKind.SENT, {"link": "bundle"}, "bundle-tx"),
        (EventKind.RECEIVED, {"link": "bundle"}, "bundle-rx"),
        (EventKind.SENT, {}, "sp-done"),
        (EventKind.RECEIVED, {"link": "call"}, "sp-file-done"),
    ],
)
def test_who(tmp_path: Path, kind: EventKind, detail: dict[str, object], who: str) -> None:
    (record,) = written(tmp_path / "log", event(kind, detail=detail))
    fields = dict(record)
    assert who == fields["Who"]
    assert (BOB, PACKET) == (fields["Node"], fields["Pkt"])
    assert ("Err" in fields) == (kind in (EventKind.DEFERRED, EventKind.HELD))
    assert "Msg" == record[-1][0]
    assert ("Dst" in fields and fields["Dst"] == BOB) == (kind is EventKind.RELAYED)


def test_every_kind_is_logged() -> None:
    assert set(EventKind) == nncp_record.FIELDS.keys()


def test_peers_cannot_forge_fields_or_records(tmp_path: Path) -> None:
    hostile = "x\n\nWhen: now\r\x1b[2J\u2028\x85Who: tx \udcff"
    detail = {"handle": hostile, "arguments": (hostile,), "output": hostile + "\n+ x\n\nWho: y"}
    found = written(
        tmp_path / "log", event(EventKind.HELD, text=hostile, node=hostile, detail=detail), event()
    )
    assert 2 == len(found)
    assert 1 == sum(name == "Who" for name, _ in found[0])
    text = (tmp_path / "log").read_text()
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2J" in text


def test_long_words_are_cut(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "log", event(EventKind.HELD, text="x" * 100_000))
    assert len(dict(record)["Err"]) < 5000


def test_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    hostile = 'x\n"\x1b\udcff'
    for one in (event(), event(EventKind.HELD, text=hostile, detail={"output": b"\xff"})):
        gateway_event(one, config(log, log_format="json"))
    first, second = map(json.loads, log.read_text().splitlines())
    assert WHEN.fullmatch(first.pop("when"))
    assert {
        "event": "submitted",
        "packet": PACKET,
        "node": "bob",
        "niceness": 96,
        "size": 290,
        "text": "",
        "detail": {"handle": "rmail", "arguments": ["b@bob.example"], "reply_nice": 224},
    } == first
    assert hostile == second["text"]


def test_no_log_no_record(tmp_path: Path) -> None:
    gateway_event(event(), config(None))
    assert [] == os.listdir(tmp_path)


def test_a_descriptor_as_log() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream:
        gateway_event(event(), config(f"FD:{writing}"))
        os.close(writing)
        assert 1 == len(records(stream.read().decode()))
    with pytest.raises(GatewayError, match="log FD:x: no descriptor number"):
        gateway_event(event(), config("FD:x"))
    with pytest.raises(GatewayError, match="Bad file descriptor"):
        gateway_event(event(), config(f"FD:{writing}"))


def test_a_rotated_log_is_opened_anew(tmp_path: Path) -> None:
    log = tmp_path / "log"
    written(log, event())
    log.rename(tmp_path / "log.1")
    assert 1 == len(written(log, event()))


def test_an_unwritable_log_is_complained_of_once_in_a_row(tmp_path: Path) -> None:
    log = tmp_path / "later" / "log"
    with pytest.raises(GatewayError, match=f"log {log}: No such file"):
        gateway_event(event(), config(log))
    gateway_event(event(), config(log))
    log.parent.mkdir()
    assert 1 == len(written(log, event()))
    log.unlink()
    log.mkdir()
    with pytest.raises(GatewayError, match="Is a directory"):
        gateway_event(event(), config(log))


def test_a_lock_that_is_never_let_go_does_not_hold_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "PATIENCE", 0.05)
    log = tmp_path / "log"
    with open(f"{log}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GatewayError, match="another process keeps it locked"):
            gateway_event(event(), config(log))
    assert not log.exists()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lock = os.open(f"{log}.lock", os.O_WRONLY | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    timer = threading.Timer(0.2, os.close, [lock])
    timer.start()
    assert 1 == len(written(log, event()))
    timer.join()


def test_a_fifo_that_nobody_reads_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(GatewayError, match="log "):
        gateway_event(event(), config(tmp_path / "log"))


def test_half_a_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    written(log, event())
    before = log.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
    with pytest.raises(GatewayError, match="no room"):
        gateway_event(event(), config(log))
    assert before == log.read_bytes()


def test_many_writers_mix_nothing_up(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def work() -> None:
        for _ in range(50):
            gateway_event(event(), config(log))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 200 == len(records(log.read_text()))


def test_the_fraction_of_a_second_ends_in_no_nought(monkeypatch: pytest.MonkeyPatch) -> None:
    for now, text in (
        (1_000_000_000 * 10**9, "2001-09-09T01:46:40Z"),
        (1_000_000_000 * 10**9 + 5, "2001-09-09T01:46:40.000000005Z"),
        (1_000_000_000 * 10**9 + 120_000_000, "2001-09-09T01:46:40.12Z"),
    ):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        assert text == eventlog._now()


@pytest.mark.nncp
def test_the_real_nncp_log_reads_every_kind(two_nodes: tuple[Node, Node], nncp_bin: Path) -> None:
    alice, bob = two_nodes
    settings = config(alice.log)._replace(neighbours=neighbours(bob.keys.id))
    details: list[tuple[EventKind, dict[str, object]]] = [
        (
            EventKind.SUBMITTED,
            {"handle": "rmail", "arguments": ("b@b",), "inner": PACKET, "message_id": "1x"},
        ),
        (EventKind.DELIVERED, {"handle": "rmail"}),
        (EventKind.RELAYED, {"type": "trns", "next": "bob"}),
        (EventKind.DEFERRED, {"handle": "rmail", "output": "one\n\n\x1b[2J"}),
        (EventKind.HELD, {"who": "rx-open"}),
        (EventKind.SENT, {"link": "xfer", "path": "/media/usb"}),
        (EventKind.RECEIVED, {"link": "xfer"}),
        (EventKind.RECEIVED, {"link": "xfer", "known": True}),
        (EventKind.SENT, {"link": "bundle"}),
        (EventKind.RECEIVED, {"link": "bundle"}),
        (EventKind.SENT, {"link": "call"}),
        (EventKind.RECEIVED, {"link": "call"}),
        (EventKind.SUBMITTED, {"type": "ack", "of": PACKET, "state": "delivered"}),
        (EventKind.ACKNOWLEDGED, {"type": "ack", "of": PACKET, "state": "held"}),
        (EventKind.CALL_STARTED, {"session": "s", "addr": "bob.example:5400"}),
        (EventKind.CALL_FAILED, {"session": "s", "addr": "bob.example:5400"}),
        (EventKind.CALL_FINISHED, FINISHED),
    ]
    for number, (kind, detail) in enumerate(details):
        gateway_event(event(kind, size=1000 + number, text="exit status 75", detail=detail), settings)
    command = [str(nncp_bin / "nncp-log"), "-cfg", str(alice.hjson)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    assert len(details) + 2 == len(lines), "what was announced has records of its own"
    assert f"rmail b@b queued for bob (1000 B): {PACKET}" in lines[0]
    errors = {number for number, line in enumerate(lines) if " ERROR " in line and "exit status 75" in line}
    failed = (EventKind.DEFERRED, EventKind.HELD, EventKind.CALL_FAILED)
    assert {n for n, (kind, _) in enumerate(details) if kind in failed} == errors


def test_a_session_leaves_the_records_of_nncp(tmp_path: Path) -> None:
    at = {"addr": "bob.example:5400"}
    started, *announced, finished = written(
        tmp_path / "log",
        event(EventKind.CALL_STARTED, packet="", detail=at),
        event(EventKind.CALL_FINISHED, packet="", text="idle", detail={**FINISHED, **at}),
    )
    addr = ("Addr", "bob.example:5400")
    assert [("Who", "call-started"), ("Node", BOB), addr] == started[1:-1]
    assert [
        [("Who", "sp-infos-rx"), ("XX", "rx"), ("Node", BOB), ("Pkts", "3"), ("Size", "3000")],
        [("Who", "sp-infos-tx"), ("XX", "tx"), ("Node", BOB), ("Pkts", "1"), ("Size", "20")],
    ] == [record[1:-1] for record in announced]
    assert [
        ("Who", "call-finished"), ("Node", BOB), addr, ("Duration", "2"), ("RxBytes", "1000"),
        ("RxSpeed", "400"), ("TxBytes", "50"), ("TxSpeed", "20"),
    ] == finished[1:-1]  # fmt: skip


def test_a_broken_session_and_a_call_in_vain_are_errors(tmp_path: Path) -> None:
    broken, vain = written(
        tmp_path / "log",
        event(EventKind.CALL_FINISHED, packet="", text="fell silent", detail={"broken": True}),
        event(EventKind.CALL_FAILED, packet="", text="refused", detail={"addr": "bob.example:5400"}),
    )
    assert [("Err", "fell silent"), ("Who", "call-finished")] == broken[1:3]
    assert [("Err", "refused"), ("Who", "calling")] == vain[1:3]


def test_a_receipt_has_the_fields_of_nncps(tmp_path: Path) -> None:
    other = PACKET[:-2] + "QA"
    queued, came = written(
        tmp_path / "log",
        event(packet=other, detail={"type": "ack", "of": PACKET, "state": "delivered"}),
        event(EventKind.ACKNOWLEDGED, packet=other, text="no user", detail={"of": PACKET, "state": "held"}),
    )
    assert [
        ("Who", "tx"), ("Type", "ack"), ("Node", BOB), ("Nice", "96"), ("Pkt", PACKET), ("NewPkt", other),
    ] == queued[1:-1]  # fmt: skip
    assert [("Who", "rx"), ("Node", BOB), ("Pkt", other)] == came[1:4]
    assert [("Type", "ack"), ("Dst", PACKET), ("Msg", f"bob says of {PACKET}: held: no user")] == came[-3:]
