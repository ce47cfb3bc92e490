"""Directory exchange, each side with its own spool, the medium a directory."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.config.model import Limits
from gateway.errors import SpoolError
from gateway.links.quota import RESERVE
from gateway.links.xfer import Exchanged, exchange
from gateway.mta import Event, EventKind
from gateway.packet.header import Header
from gateway.packet.identity import decode, encode
from gateway.packet.mth import MerkleTree
from gateway.spool import mark
from gateway.spool.spool import Spool

ALICE, BOB, CAROL = (bytes([n]) * 32 for n in (1, 2, 3))
NAMES = {"alice": ALICE, "bob": BOB, "carol": CAROL}
A, B, C = encode(ALICE), encode(BOB), encode(CAROL)


class Packet(NamedTuple):
    name: str
    data: bytes


def make_packet(niceness: int = 160, size: int = 1000) -> Packet:
    header = Header(niceness=niceness, sender=ALICE, recipient=BOB, exchpub=os.urandom(32))
    data = header.encode() + os.urandom(size)
    tree = MerkleTree()
    tree.update(data)
    return Packet(tree.name(), data)


def queue(spool: Spool, node: str, packet: Packet) -> None:
    with spool.stage() as staged:
        staged.write(packet.data)
        staged.complete()
        spool.commit(staged, node, "tx", packet.name)


def names(spool: Spool, node: str, box: str) -> list[str]:
    return sorted(job.name for job in spool.jobs(node, box))  # type: ignore[arg-type]


class Site:
    """One node with a spool, at one medium."""

    def __init__(self, root: Path, medium: Path, own: bytes) -> None:
        self.spool = Spool(str(root))
        self.medium = medium
        self.own = own
        self.events: list[Event] = []

    def xfer(self, **options: object) -> Exchanged:
        others = {name: id_ for name, id_ in NAMES.items() if id_ != self.own} | {"self": self.own}
        return exchange(
            self.spool,
            str(self.medium),
            self.own,
            options.pop("neighbours", others),  # type: ignore[arg-type]
            report=self.events.append,
            **options,  # type: ignore[arg-type]
        )


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    path = tmp_path / "stick"
    path.mkdir()
    return path


@pytest.fixture
def alice(tmp_path: Path, medium: Path) -> Site:
    return Site(tmp_path / "alice", medium, ALICE)


@pytest.fixture
def bob(tmp_path: Path, medium: Path) -> Site:
    return Site(tmp_path / "bob", medium, BOB)


def lay(medium: Path, packet: Packet, *, name: str | None = None, to: str = B, by: str = A) -> Path:
    folder = medium / to / by
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or packet.name)
    path.write_bytes(packet.data)
    return path


# Sending


def test_a_packet_goes_to_the_medium_and_leaves_the_spool(alice: Site, medium: Path) -> None:
    packet = make_packet(niceness=96)
    queue(alice.spool, B, packet)
    assert Exchanged(sent=1, bytes=len(packet.data)) == alice.xfer(mkdir=True)
    assert packet.data == (medium / B / A / packet.name).read_bytes()
    assert [] == names(alice.spool, B, "tx")
    [event] = alice.events
    assert (EventKind.SENT, packet.name, "bob", 96) == (event.kind, event.packet, event.node, event.niceness)


def test_without_mkdir_a_neighbour_without_directory_keeps_its_packets_and_a_note_says_so(
    alice: Site, medium: Path
) -> None:
    queue(alice.spool, B, make_packet())
    done = alice.xfer()
    assert (0, 1) == (done.sent, len(done.notes))
    assert "--mkdir" in done.notes[0]
    assert [] == list(medium.iterdir())
    assert 1 == len(names(alice.spool, B, "tx"))


def test_mkdir_makes_no_directory_for_whom_nothing_waits(alice: Site, medium: Path) -> None:
    queue(alice.spool, B, make_packet())
    alice.xfer(mkdir=True)
    assert [B] == [path.name for path in medium.iterdir()]
    (medium / C).mkdir()
    alice.xfer()
    assert [] == list((medium / C).iterdir())


def test_an_existing_directory_is_enough(alice: Site, medium: Path) -> None:
    (medium / B).mkdir()
    queue(alice.spool, B, make_packet())
    assert 1 == alice.xfer().sent


def test_keep_leaves_the_original_and_a_later_run_without_it_drops_it(alice: Site) -> None:
    queue(alice.spool, B, make_packet())
    assert 1 == alice.xfer(mkdir=True, keep=True).sent
    assert 1 == len(names(alice.spool, B, "tx"))
    done = alice.xfer()
    assert (0, 1, ()) == (done.sent, done.present, done.failures)
    assert [] == names(alice.spool, B, "tx")


@pytest.mark.parametrize("stale", [b"", b"half of it"])
def test_a_damaged_file_of_that_name_is_replaced_before_the_original_goes(
    alice: Site, medium: Path, stale: bytes
) -> None:
    packet = make_packet()
    lay(medium, Packet(packet.name, stale))
    queue(alice.spool, B, packet)
    assert 1 == alice.xfer().sent
    assert packet.data == (medium / B / A / packet.name).read_bytes()


def test_a_packet_damaged_in_the_spool_is_not_sent_and_not_dropped(alice: Site, medium: Path) -> None:
    packet = make_packet()
    queue(alice.spool, B, Packet(packet.name, packet.data[:-1] + b"?"))
    done = alice.xfer(mkdir=True)
    assert (0, 1) == (done.sent, len(done.failures))
    assert "damaged" in done.failures[0]
    assert [] == list((medium / B / A).iterdir())
    assert [packet.name] == names(alice.spool, B, "tx")


def test_what_is_less_urgent_than_asked_for_stays(alice: Site) -> None:
    urgent, slow = make_packet(niceness=96), make_packet(niceness=224)
    queue(alice.spool, B, urgent)
    queue(alice.spool, B, slow)
    assert 1 == alice.xfer(mkdir=True, max_niceness=160).sent
    assert [slow.name] == names(alice.spool, B, "tx")


def test_the_urgent_go_first(alice: Site) -> None:
    for niceness in (224, 32, 255, 96, 160):
        queue(alice.spool, B, make_packet(niceness=niceness))
    alice.xfer(mkdir=True)
    assert [32, 96, 160, 224, 255] == [event.niceness for event in alice.events]


def test_a_busy_neighbour_is_skipped_and_the_others_go(alice: Site) -> None:
    queue(alice.spool, B, make_packet())
    queue(alice.spool, C, make_packet())
    with alice.spool.lock(B, "tx"):
        done = alice.xfer(mkdir=True)
    assert (1, 1, ()) == (done.sent, len(done.postponed), done.failures)
    assert 1 == len(names(alice.spool, B, "tx"))


def test_leftovers_of_ours_are_cleared_away_and_nothing_else(alice: Site, medium: Path) -> None:
    lay(medium, make_packet(), name="gwxfer0123456789abcdef")
    foreign = lay(medium, make_packet(), name="nncpxfer12345")
    queue(alice.spool, B, make_packet())
    assert 1 == alice.xfer().sent
    left = [path.name for path in (medium / B / A).iterdir() if len(path.name) != 52]
    assert [foreign.name] == left


def test_only_the_neighbours_given_are_served(alice: Site) -> None:
    queue(alice.spool, B, make_packet())
    queue(alice.spool, C, make_packet())
    assert 1 == alice.xfer(mkdir=True, neighbours={"carol": CAROL}).sent
    assert 1 == len(names(alice.spool, B, "tx"))


def test_no_room_on_the_medium_keeps_the_packet(
    alice: Site, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(alice.spool, B, make_packet())
    monkeypatch.setattr("gateway.spool.medium.Folder.free", lambda self: 100)
    done = alice.xfer(mkdir=True)
    assert (0, 1) == (done.sent, len(done.postponed))
    assert 1 == len(names(alice.spool, B, "tx"))
    assert [] == list((medium / B / A).iterdir())


def test_a_write_that_fails_leaves_nothing_behind_and_keeps_the_packet(
    alice: Site, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(alice.spool, B, make_packet())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gateway.spool.medium._write", full)
    done = alice.xfer(mkdir=True)
    assert 1 == len(done.failures)
    assert "No space left" in done.failures[0]
    assert 1 == len(names(alice.spool, B, "tx"))
    assert [] == list((medium / B / A).iterdir())


def test_a_file_system_that_cannot_sync_directories_will_do(
    alice: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(alice.spool, B, make_packet())
    real = os.fsync

    def fsync(fd: int) -> None:
        if "stick" in os.readlink(f"/proc/self/fd/{fd}") and os.path.isdir(f"/proc/self/fd/{fd}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    assert (1, ()) == (alice.xfer(mkdir=True).sent, alice.xfer().failures)


def test_sending_syncs_before_the_original_goes(alice: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses the sync has not got the packet."""
    queue(alice.spool, B, make_packet())

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("gateway.spool.medium._sync", broken)
    (alice.medium / B / A).mkdir(parents=True)
    assert 1 == len(alice.xfer().failures)
    assert 1 == len(names(alice.spool, B, "tx"))


# Receiving


def test_a_packet_comes_from_the_medium_into_the_spool(bob: Site, medium: Path) -> None:
    packet = make_packet(niceness=32, size=300_000)
    source = lay(medium, packet)
    assert Exchanged(received=1, bytes=len(packet.data)) == bob.xfer()
    [job] = bob.spool.jobs(A, "rx")
    assert packet.name == job.name
    with bob.spool.open(job) as file:
        assert packet.data == file.read()
    assert not source.exists()
    [event] = bob.events
    assert (EventKind.RECEIVED, "alice", 32) == (event.kind, event.node, event.niceness)


def test_it_is_filed_under_the_directory_it_lay_in(bob: Site, medium: Path) -> None:
    """A relayed packet names its maker in the header, and lies with the relay that brought it."""
    packet = make_packet()
    lay(medium, packet, by=C)
    bob.xfer()
    assert [packet.name] == names(bob.spool, C, "rx")


def test_keep_leaves_the_source(bob: Site, medium: Path) -> None:
    source = lay(medium, make_packet())
    assert 1 == bob.xfer(keep=True).received
    assert source.exists()


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("fate", ["seen", "work", "hold"])
def test_what_was_here_before_is_not_received_again(bob: Site, medium: Path, fate: str, keep: bool) -> None:
    """Under whatever neighbour it came: the same packet may travel by two relays."""
    packet = make_packet()
    lay(medium, packet, by=C)
    bob.xfer()
    [job] = bob.spool.jobs(C, "rx")
    if fate == "seen":
        mark.finish(bob.spool, job)
    elif fate == "work":
        bob.spool.begin(job)
    else:
        bob.spool.hold(job, "for a test")
    source = lay(medium, packet, by=A)
    done = bob.xfer(keep=keep)
    assert (0, 1, ()) == (done.received, done.known, done.failures)
    assert keep == source.exists()
    assert [] == names(bob.spool, A, "rx")
    assert fate == bob.events[-1].detail["known"]


@pytest.mark.parametrize(
    "spoil",
    [lambda d: d[:-1], lambda d: d + b"x", lambda d: d[:-1] + bytes([d[-1] ^ 1])],
    ids=["cut", "longer", "flipped"],
)
def test_content_that_is_not_what_its_name_says_is_refused_and_kept(
    bob: Site, medium: Path, spoil: Callable[[bytes], bytes]
) -> None:
    packet = make_packet()
    good = make_packet()
    source = lay(medium, Packet(packet.name, spoil(packet.data)))
    lay(medium, good)
    done = bob.xfer()
    assert (1, 1) == (done.received, len(done.failures))
    assert source.exists()
    assert [good.name] == names(bob.spool, A, "rx")
    assert 0 == bob.spool.recover()


def test_what_is_no_packet_is_refused_and_kept(bob: Site, medium: Path) -> None:
    source = lay(medium, Packet(make_packet().name, b"a love letter"))
    assert 1 == len(bob.xfer().failures)
    assert source.exists()


def test_other_names_are_passed_over(bob: Site, medium: Path) -> None:
    packet = make_packet()
    for name in ("nncpxfer1", "gwxfer1", packet.name + ".part", packet.name.lower(), packet.name[:-1]):
        lay(medium, packet, name=name)
    before = sorted((medium / B / A).iterdir())
    assert Exchanged() == bob.xfer()
    assert before == sorted((medium / B / A).iterdir())


def test_strangers_are_not_listened_to(bob: Site, medium: Path) -> None:
    source = lay(medium, make_packet(), by=encode(bytes([9]) * 32))
    assert Exchanged() == bob.xfer()
    assert source.exists()


def test_what_is_less_urgent_than_asked_for_stays_on_the_medium(bob: Site, medium: Path) -> None:
    source = lay(medium, make_packet(niceness=161))
    assert Exchanged() == bob.xfer(max_niceness=160)
    assert source.exists()


def test_too_little_room_postpones(bob: Site, medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = lay(medium, make_packet(size=1000))
    monkeypatch.setattr(bob.spool, "free", lambda: RESERVE + 1000)
    done = bob.xfer()
    assert (0, 1, ()) == (done.received, len(done.postponed), done.failures)
    assert source.exists()


@pytest.mark.parametrize("limits", [Limits(stored=2500), Limits(packets=2)])
def test_a_neighbour_keeps_within_its_limits(bob: Site, medium: Path, limits: Limits) -> None:
    """What waits, is being delivered or is held counts; the most urgent come first."""
    lay(medium, make_packet(size=1000))
    bob.xfer()
    [job] = bob.spool.jobs(A, "rx")
    bob.spool.hold(job, "for a test")
    urgent, slow = make_packet(niceness=96, size=1000), make_packet(niceness=224, size=1000)
    late = lay(medium, slow)
    lay(medium, urgent)
    done = bob.xfer(limits={"alice": limits})
    assert (1, 1, ()) == (done.received, len(done.postponed), done.failures)
    assert "alice: 1 packets stay" in done.postponed[0]
    assert [urgent.name] == names(bob.spool, A, "rx")
    assert late.exists()


def test_a_spool_that_refuses_still_sends(bob: Site, medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(medium, make_packet())
    queue(bob.spool, A, make_packet())

    def refuse() -> None:
        raise SpoolError("disk full")

    monkeypatch.setattr(bob.spool, "stage", refuse)
    done = bob.xfer(mkdir=True)
    assert (0, 1, ("disk full",)) == (done.received, done.sent, done.postponed)


def test_symlinks_on_the_medium_are_never_followed(bob: Site, medium: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    packet = make_packet()
    (outside / packet.name).write_bytes(packet.data)
    (medium / B).mkdir()
    (medium / B / A).symlink_to(outside)
    (medium / B / C).mkdir()
    (medium / B / C / packet.name).symlink_to(outside / packet.name)
    done = bob.xfer()
    assert (0, 2) == (done.received, len(done.failures))
    assert (outside / packet.name).exists()


def test_a_symlink_is_not_written_through(alice: Site, medium: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (medium / B).mkdir()
    (medium / B / A).symlink_to(outside)
    queue(alice.spool, B, make_packet())
    assert 1 == len(alice.xfer(mkdir=True).failures)
    assert [] == list(outside.iterdir())
    assert 1 == len(names(alice.spool, B, "tx"))


def test_a_fifo_of_a_packets_name_stops_nothing(bob: Site, medium: Path) -> None:
    packet = make_packet()
    lay(medium, packet)
    os.mkfifo(medium / B / A / make_packet().name)
    done = bob.xfer()
    assert (1, 1) == (done.received, len(done.failures))


def test_a_medium_of_somebody_else_says_whose_it_is(
    alice: Site, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root becomes the spool's owner, and a stick is often mounted for root alone."""
    queue(alice.spool, B, make_packet())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("gateway.spool.medium.Folder.folder", refuse)
    [failure] = alice.xfer(receive=False).failures
    assert f"we are uid {os.geteuid()}" in failure
    assert f"{medium} is mode" in failure


def test_a_source_that_vanishes_is_no_failure(
    bob: Site, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay(medium, make_packet())
    known = bob.spool.known

    def somebody_was_faster(name: str) -> object:
        source.unlink(missing_ok=True)
        return known(name)

    monkeypatch.setattr(bob.spool, "known", somebody_was_faster)
    assert Exchanged() == bob.xfer()


def test_the_source_goes_only_after_the_commit(
    bob: Site, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay(medium, make_packet())

    def refuse(*_: object, **__: object) -> None:
        assert source.exists()
        raise SpoolError("no")

    monkeypatch.setattr(bob.spool, "commit", refuse)
    assert ("no",) == bob.xfer().postponed
    assert source.exists()


def test_a_medium_that_is_not_there_is_temporary(bob: Site, medium: Path) -> None:
    medium.rmdir()
    with pytest.raises(SpoolError, match="mounted"):
        bob.xfer()


def test_receiving_needs_no_directory_for_us(bob: Site) -> None:
    assert Exchanged() == bob.xfer()


# Both


def test_there_and_back(alice: Site, bob: Site, medium: Path) -> None:
    there = [make_packet(size=n) for n in (0, 1, 131072, 500_000)]
    back = make_packet()
    for packet in there:
        queue(alice.spool, B, packet)
    queue(bob.spool, A, back)
    assert 4 == alice.xfer(mkdir=True).sent
    done = bob.xfer(mkdir=True)
    assert (4, 1) == (done.received, done.sent)
    assert sorted(packet.name for packet in there) == names(bob.spool, A, "rx")
    assert 1 == alice.xfer().received
    assert [back.name] == names(alice.spool, B, "rx")
    assert [] == [path for path in medium.rglob("*") if path.is_file()]


@pytest.mark.parametrize("way", [{"receive": False}, {"send": False}])
def test_one_way_leaves_the_other_alone(bob: Site, medium: Path, way: dict[str, bool]) -> None:
    lay(medium, make_packet())
    queue(bob.spool, A, make_packet())
    done = bob.xfer(mkdir=True, **way)
    assert ("send" in way, "receive" in way) == (bool(done.received), bool(done.sent))


def test_two_names_of_one_id_are_one_neighbour(alice: Site) -> None:
    queue(alice.spool, B, make_packet())
    done = alice.xfer(mkdir=True, neighbours={"self": BOB, "bob": BOB, "robert": BOB})
    assert (1, ()) == (done.sent, done.postponed)
    assert alice.events[0].node in {"bob", "robert"}


def test_a_medium_written_by_nncp(tmp_path: Path) -> None:
    """The packets that a real nncp-xfer wrote come out of it as they went in."""
    source = Path(__file__).resolve().parents[1] / "vectors" / "nncp" / "xfer"
    stick = tmp_path / "stick"
    shutil.copytree(source, stick)
    [own] = stick.iterdir()
    [sender] = own.iterdir()
    packets = {path.name: path.read_bytes() for path in sender.iterdir()}
    spool = Spool(str(tmp_path / "spool"))
    done = exchange(spool, str(stick), decode(own.name), {"other": decode(sender.name)})
    assert (len(packets), ()) == (done.received, done.failures)
    for job in spool.jobs(sender.name, "rx"):
        with spool.open(job) as file:
            assert packets.pop(job.name) == file.read()
    assert {} == packets
