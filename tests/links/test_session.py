"""Sessions between two spools over a socket pair: what crosses, what is resumed, what is refused."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.config.model import Limits
from gateway.errors import LockBusy
from gateway.links import session
from gateway.links.session import SLOW_STEP, Account, conversation
from gateway.links.sync.envelope import MAGIC, wrap
from gateway.links.sync.messages import MAX_PAYLOAD, Done, File, Freq, Info
from gateway.mta import EventKind
from gateway.packet.identity import decode
from tests.links.parties import QUICK, Site, Stranger, answering, talk


@pytest.fixture
def alice(tmp_path: Path) -> Site:
    return Site(tmp_path, "alice")


@pytest.fixture
def bob(tmp_path: Path) -> Site:
    return Site(tmp_path, "bob")


def test_packets_cross_both_ways_and_are_dropped_by_their_senders(alice: Site, bob: Site) -> None:
    there = dict(alice.queue(bob, size) for size in (0, 1000, 300_000))
    back = dict(bob.queue(alice, size) for size in (5, 2_000_000))
    mine, theirs = talk(alice, bob)
    assert (2, 3, 0, False) == (mine.received, mine.sent, mine.left, mine.broken)
    assert isinstance(theirs, Account)
    assert (3, 2, 0) == (theirs.received, theirs.sent, theirs.left)
    assert there == {name: bob.read(alice, name) for name in bob.names(alice, "rx")}
    assert back == {name: alice.read(bob, name) for name in alice.names(bob, "rx")}
    assert set() == alice.names(bob, "tx") | bob.names(alice, "tx")
    assert 3 == sum(event.kind is EventKind.SENT for event in alice.events)
    assert {event.packet for event in bob.events if event.kind is EventKind.RECEIVED} == set(there)


def test_a_session_is_told_from_its_beginning_to_its_end(alice: Site, bob: Site) -> None:
    alice.queue(bob, 1000)
    bob.queue(alice, 10)
    bob.queue(alice, 10)
    mine, _ = talk(alice, bob)
    for site, other, packets in ((alice, bob, (2, 1)), (bob, alice, (1, 2))):
        first, *moved, last = site.events
        assert (EventKind.CALL_STARTED, EventKind.CALL_FINISHED) == (first.kind, last.kind)
        assert {("", other.name)} == {(event.packet, event.node) for event in (first, last)}
        assert {first.detail["session"]} == {event.detail["session"] for event in (*moved, last)}
        assert packets == (last.detail["received"], last.detail["sent"])
        assert packets == (last.detail["offered"]["rx"][0], last.detail["offered"]["tx"][0])  # type: ignore[index]
    assert (mine.bytes_in, mine.bytes_out, mine.end) == (
        last.detail["tx_bytes"], last.detail["rx_bytes"], alice.events[-1].text,
    )  # fmt: skip
    assert alice.events[0].detail["session"] != bob.events[0].detail["session"]


def test_many_small_packets_cross(alice: Site, bob: Site) -> None:
    names = {alice.queue(bob, 100)[0] for _ in range(1500)}
    patient = QUICK._replace(onlinedeadline=4, deadline=10)
    mine, _ = talk(alice, bob, rules=patient, other=patient)
    assert (1500, 0) == (mine.sent, mine.left)
    assert names == bob.names(alice, "rx")
    assert [] == [f for f in os.listdir(f"{bob.spool.root}/{alice.id}/rx") if "." in f]


@pytest.mark.parametrize("at", [1, 131072, 200_001, 400_235])
def test_a_transfer_goes_on_where_it_was_cut(alice: Site, bob: Site, at: int) -> None:
    name, data = alice.queue(bob, 400_000)
    bob.part(alice, name).write_bytes(data[:at])
    mine, _ = talk(alice, bob)
    assert data == bob.read(alice, name)
    assert (1, 0) == (mine.sent, mine.left)
    assert len(data) - at + 70_000 > mine.bytes_out - 65_000
    assert not bob.part(alice, name).exists()


def test_what_was_complete_but_not_hashed_need_not_come_again(alice: Site, bob: Site) -> None:
    """NNCP leaves such a file as NAME.nock, and never gets further if its hash is wrong."""
    name, data = alice.queue(bob, 400_000)
    bob.part(alice, name).with_suffix(".nock").write_bytes(data)
    mine, _ = talk(alice, bob)
    assert data == bob.read(alice, name)
    assert 1 == mine.sent
    assert mine.bytes_out < 200_000


@pytest.mark.parametrize("suffix", [".part", ".nock"])
@pytest.mark.parametrize("size", [1, 200_000, 200_236, 300_000])
def test_a_bad_part_is_discarded_and_the_packet_fetched_anew(
    alice: Site, bob: Site, suffix: str, size: int
) -> None:
    name, data = alice.queue(bob, 200_000)
    assert 200_236 == len(data)
    bob.part(alice, name).with_suffix(suffix).write_bytes(b"x" * size)
    mine, _ = talk(alice, bob)
    assert (1, 0) == (mine.sent, mine.left)
    assert data == bob.read(alice, name)
    assert not bob.part(alice, name).exists()


def test_pings_keep_nobody_there(alice: Site, bob: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They tell that the peer lives, not that there is anything to do."""
    monkeypatch.setattr(conversation, "PING_AFTER", 0.2)
    mine, theirs = talk(
        alice, bob, rules=QUICK._replace(onlinedeadline=3), other=QUICK._replace(onlinedeadline=3)
    )
    assert isinstance(theirs, Account)
    assert "idle" in (mine.end, theirs.end)
    quiet = len(wrap(bytes(80 + 16 + 65280)))
    assert quiet < mine.bytes_out


def test_a_dead_peer_is_not_waited_for(alice: Site, bob: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "DEAD_AFTER", 1.5)
    with answering(bob, alice, rules=QUICK._replace(onlinedeadline=60)) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert "nothing passed" in result[0].end


def test_an_envelope_that_trickles_is_not_waited_for(
    alice: Site, bob: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LONGEST_ENVELOPE", 1.5)
    with answering(bob, alice, rules=QUICK._replace(onlinedeadline=60)) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        with suppress(OSError):
            for byte in wrap(bytes(500)):
                end.sendall(bytes([byte]))
                time.sleep(0.05)
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert "envelope took longer" in result[0].end


@pytest.mark.parametrize(("slow", "least", "most"), [(60.0, MAX_PAYLOAD, 66_000), (-1.0, SLOW_STEP, 4500)])
def test_on_a_slow_link_the_answer_is_short(
    alice: Site, bob: Site, monkeypatch: pytest.MonkeyPatch, slow: float, least: int, most: int
) -> None:
    """And its size still does not tell how much waits, as long as it is no more than 85 packets."""
    monkeypatch.setattr(session, "SLOW_HANDSHAKE", slow)
    sizes = []
    for _ in range(3):
        mine, _ = talk(alice, bob, rules=QUICK._replace(receive=False), other=QUICK._replace(send=True))
        sizes.append(mine.bytes_in)
        bob.queue(alice)
    assert least <= sizes[0] < most
    assert 1 == len(set(sizes))


def test_maxonlinetime_ends_a_session_between_two_pieces(alice: Site, bob: Site) -> None:
    alice.queue(bob, 2_000_000)
    hurried = QUICK._replace(maxonlinetime=1, txrate=10, chunk=10_000)
    mine, _ = talk(alice, bob, rules=hurried)
    assert "maxonlinetime" in mine.end
    assert 1 == mine.left
    assert 0 == talk(alice, bob)[0].left
    assert 1 == len(bob.names(alice, "rx"))


def test_rates_slow_a_session_down_and_lose_nothing(alice: Site, bob: Site) -> None:
    names = {alice.queue(bob, 30_000)[0] for _ in range(2)} | {alice.queue(bob, 10)[0]}
    talk(alice, bob, rules=QUICK._replace(txrate=20, chunk=8192), other=QUICK._replace(rxrate=20))
    assert names == bob.names(alice, "rx")


def test_a_packet_that_is_queued_meanwhile_is_announced(alice: Site, bob: Site) -> None:
    late: list[str] = []
    timer = threading.Timer(0.3, lambda: late.append(alice.queue(bob)[0]))
    timer.start()
    talk(alice, bob, rules=QUICK._replace(onlinedeadline=3), other=QUICK._replace(onlinedeadline=3))
    timer.join()
    assert set(late) == bob.names(alice, "rx")
    assert set() == alice.names(bob, "tx")


@pytest.mark.parametrize("mark", ["seen", "work", "hold", "rx"])
def test_what_is_known_is_confirmed_without_a_transfer(alice: Site, bob: Site, mark: str) -> None:
    name, data = alice.queue(bob, 500_000)
    place = Path(bob.spool.root) / alice.id / {"seen": "rx/seen"}.get(mark, mark)
    place.mkdir(parents=True)
    (place / name).write_bytes(b"" if mark == "seen" else data)
    mine, theirs = talk(alice, bob)
    assert isinstance(theirs, Account)
    assert (0, 1, 1) == (theirs.received, theirs.known, mine.sent)
    assert mine.bytes_out < 200_000
    assert set() == alice.names(bob, "tx")


def test_only_receiving_and_only_sending(alice: Site, bob: Site) -> None:
    there, back = alice.queue(bob)[0], bob.queue(alice)[0]
    talk(alice, bob, rules=QUICK._replace(send=False))
    assert ({back}, set()) == (alice.names(bob, "rx"), bob.names(alice, "rx"))
    another = bob.queue(alice)[0]
    talk(alice, bob, rules=QUICK._replace(receive=False))
    assert ({back}, {there}) == (alice.names(bob, "rx"), bob.names(alice, "rx"))
    assert {another} == bob.names(alice, "tx")


def test_a_listing_moves_nothing_and_needs_no_lock(alice: Site, bob: Site) -> None:
    name, data = bob.queue(alice, 10, niceness=96)
    alice.queue(bob)
    with alice.spool.lock(bob.id, "rx"), alice.spool.lock(bob.id, "tx"):
        mine, _ = talk(alice, bob, rules=QUICK._replace(listing=True))
    assert [(name, len(data), 96)] == mine.heard
    assert {name} == bob.names(alice, "tx")
    assert set() == bob.names(alice, "rx")


@pytest.mark.parametrize("side", ["rules", "other"])
def test_niceness_bounds_both_ways(alice: Site, bob: Site, side: str) -> None:
    urgent = {alice.queue(bob, niceness=96)[0]}, {bob.queue(alice, niceness=96)[0]}
    alice.queue(bob, niceness=97)
    bob.queue(alice, niceness=97)
    talk(alice, bob, **{side: QUICK._replace(max_niceness=96)})  # type: ignore[arg-type]
    assert urgent == (bob.names(alice, "rx"), alice.names(bob, "rx"))


def test_limits_refuse_at_the_announcement(alice: Site, bob: Site) -> None:
    for _ in range(5):
        alice.queue(bob, 10_000)
    mine, theirs = talk(alice, bob, limits=Limits(packets=2))
    assert isinstance(theirs, Account)
    assert (2, 3) == (len(bob.names(alice, "rx")), mine.left)
    assert any("3 packets stay with the peer" in note for note in theirs.notes)
    talk(alice, bob, limits=Limits(stored=35_000))
    assert 3 == len(bob.names(alice, "rx"))


def test_what_has_no_room_stays_with_its_sender(
    alice: Site, bob: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.queue(bob, 10_000)
    monkeypatch.setattr(bob.spool, "free", lambda: 4 * 1024 * 1024)
    mine, theirs = talk(alice, bob)
    assert isinstance(theirs, Account)
    assert (1, set()) == (mine.left, bob.names(alice, "rx"))
    assert any("no room" in note for note in theirs.notes)


@pytest.mark.parametrize("which", ["rx", "tx"])
def test_a_busy_lock_ends_the_call_and_leaves_the_other_lock_free(alice: Site, bob: Site, which: str) -> None:
    alice.queue(bob)
    with bob.spool.lock(alice.id, which):  # type: ignore[arg-type]
        mine, theirs = talk(alice, bob)
    assert not mine.started
    assert isinstance(theirs, LockBusy)
    for lock in ("rx", "tx"):
        with bob.spool.lock(alice.id, lock):  # type: ignore[arg-type]
            pass
    assert 1 == talk(alice, bob)[0].sent


def test_a_damaged_packet_of_ours_is_not_taken_and_stays(alice: Site, bob: Site) -> None:
    name, data = alice.queue(bob, 100_000)
    path = Path(alice.spool.paths.packet(bob.id, "tx", name))
    path.write_bytes(data[:-1] + b"x")
    mine, theirs = talk(alice, bob)
    assert isinstance(theirs, Account)
    assert (0, 1) == (mine.sent, mine.left)
    assert any("disagree" in note for note in theirs.notes)
    assert path.exists()
    assert not bob.part(alice, name).exists()
    assert set() == bob.names(alice, "rx")


def test_a_packet_that_shrinks_while_it_is_sent_ends_nothing(alice: Site, bob: Site) -> None:
    good = alice.queue(bob, 100)[0]
    name, data = alice.queue(bob, 300_000, niceness=96)
    bob.part(alice, name).write_bytes(data[:200_000])
    with answering(bob, alice) as (end, result):
        from gateway.links.session import Wire, call, locked

        neighbour = bob.neighbour()
        with locked(alice.party, neighbour, QUICK), Wire(end.fileno(), end.fileno()) as wire:
            # Announced at its full size, cut off before it is asked for.
            whole = alice.spool.jobs
            jobs = list(whole(bob.id, "tx"))
            alice.spool.jobs = lambda *_: iter(jobs)  # type: ignore[method-assign]
            os.truncate(alice.spool.paths.packet(bob.id, "tx", name), 150_000)
            mine = call(wire, alice.party, neighbour, QUICK)
    assert isinstance(result[0], Account)
    assert (1, 1) == (mine.sent, mine.left)
    assert {good} == bob.names(alice, "rx")


def test_an_unknown_caller_gets_no_answer(alice: Site, bob: Site, tmp_path: Path) -> None:
    mallory = Site(tmp_path, "mallory")
    with answering(bob, alice) as (end, result):
        stranger = Stranger(end, mallory, bob)
        with pytest.raises(AssertionError, match="hung up"):
            stranger.greet()
    assert isinstance(result[0], Account)
    assert not result[0].started
    assert "neighbour" in result[0].end


ONE = bytes([1]) * 32
HOSTILE = {
    "size 0": [Info(160, 0, ONE)],
    "unasked content": [File(ONE, 0, b"x")],
    "unknown type": [b"\0\0\0\x09"],
    "cut short": [b"\0\0\0"],
}


def reusable(alice: Site, bob: Site) -> None:
    """Whatever was done, the next session works."""
    before = bob.names(alice, "rx")
    name = alice.queue(bob)[0]
    assert 0 == talk(alice, bob)[0].left
    assert before | {name} <= bob.names(alice, "rx")


@pytest.mark.parametrize("what", HOSTILE.values(), ids=HOSTILE)
def test_a_breach_ends_the_session_at_once(alice: Site, bob: Site, what: list[bytes]) -> None:
    with answering(bob, alice, rules=QUICK._replace(onlinedeadline=30)) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        for message in what:
            stranger.say(message)
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert result[0].broken
    reusable(alice, bob)


@pytest.mark.parametrize(
    "stream", [b"\0" * 100, wrap(bytes(64)), MAGIC + b"\xff\xff\xff\xff"], ids=["magic", "sealed", "huge"]
)
def test_a_broken_stream_ends_the_session_at_once(alice: Site, bob: Site, stream: bytes) -> None:
    with answering(bob, alice, rules=QUICK._replace(onlinedeadline=30)) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        end.sendall(stream)
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert result[0].broken
    reusable(alice, bob)


def test_silence_inside_an_envelope_ends_the_session(alice: Site, bob: Site) -> None:
    with answering(bob, alice) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        end.sendall(MAGIC)
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert "inside an envelope" in result[0].end
    reusable(alice, bob)


def test_a_caller_that_says_nothing_is_not_waited_for(alice: Site, bob: Site) -> None:
    with answering(bob, alice) as (end, result):
        Stranger(end, alice, bob).until_closed()
    assert isinstance(result[0], Account)
    assert "no handshake" in result[0].end


@pytest.mark.parametrize("extra", ["surplus", "gap"])
def test_a_wrong_piece_ends_the_session_and_keeps_what_was_complete(
    alice: Site, bob: Site, extra: str
) -> None:
    (name, data), (other, more) = alice.queue(bob, 50), alice.queue(bob, 80)
    one, two = decode(name), decode(other)
    with answering(bob, alice, rules=QUICK._replace(onlinedeadline=30)) as (end, result):
        stranger = Stranger(end, alice, bob)
        stranger.greet(Info(160, len(data), one), Info(160, len(more), two))
        time.sleep(0.3)
        bad = File(one, 0, data) if extra == "surplus" else File(two, 7, more[7:])
        stranger.say(File(one, 0, data).encode() + bad.encode())
        stranger.until_closed()
    assert isinstance(result[0], Account)
    assert result[0].broken
    assert {name} == bob.names(alice, "rx")
    reusable(alice, bob)


def test_confirmations_of_what_was_not_offered_drop_nothing(alice: Site, bob: Site) -> None:
    too_nice = bob.queue(alice, niceness=200)[0]
    with answering(bob, alice, rules=QUICK._replace(max_niceness=100)) as (end, _):
        stranger = Stranger(end, alice, bob)
        stranger.greet()
        stranger.say(Done(decode(too_nice)).encode() + Freq(decode(too_nice), 0).encode())
        stranger.until_closed()
    assert {too_nice} == bob.names(alice, "tx")
