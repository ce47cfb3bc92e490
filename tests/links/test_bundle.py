from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.model import Limits
from gateway.errors import Truncated
from gateway.links.bundle import archive
from gateway.links.bundle.read import Reader
from gateway.links.bundle.write import write
from gateway.packet.identity import encode
from tests.engine.parties import BATCH, Party, carry

VECTORS = Path(__file__).parents[1] / "vectors" / "nncp"
IDS = [letter * 51 + "A" for letter in "BCD"]


def found(stream: bytes) -> list[tuple[str, bytes]]:
    return [(e.path, b"".join(e.content)) for e in archive.members(io.BytesIO(stream).read)]


def packed(name: str, content: bytes) -> bytes:
    size = len(content)
    return archive.headers(IDS[0], IDS[1], name, size) + content + archive.filling(size)


def own(party: Party) -> str:
    return encode(party.identity.id)


def bundle(sender: Party, *receivers: Party, delete: bool = False) -> bytes:
    with open(sender.root / "bundle", "w+b") as file:
        names = {own(receiver): receiver.name for receiver in receivers}
        done = write(sender.spool, file, own(sender), names, delete=delete)
        assert ((), ()) == (done.failures, done.postponed)
        file.seek(0)
        return file.read()


def reader(party: Party, **more: object) -> Reader:
    names = {encode(n.id): n.name for n in party.config.neighbours.values()}
    limits = more.pop("limits", {})
    return Reader(party.spool, own(party), names, limits, **more)  # type: ignore[arg-type]


# --- the stream


@given(st.lists(st.tuples(st.sampled_from(IDS), st.binary(max_size=2000)), max_size=5), st.booleans())
def test_what_is_written_is_found(packets: list[tuple[str, bytes]], ended: bool) -> None:
    stream = b"".join(packed(name, content) for name, content in packets) + archive.END * ended
    assert [(f"NNCP/{IDS[0]}/{IDS[1]}/{name}", content) for name, content in packets] == found(stream)


@given(st.binary(max_size=3000), st.binary(max_size=700))
def test_rubbish_before_and_between_is_passed_over(before: bytes, between: bytes) -> None:
    stream = before + packed(IDS[0], b"one") + between + packed(IDS[1], b"two")
    assert {b"one", b"two"} <= {content for _, content in found(stream)}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_ordinary_archive_of_a_tree(tmp_path: Path, form: int) -> None:
    tree = tmp_path / "NNCP" / IDS[0] / IDS[1]
    tree.mkdir(parents=True)
    for name in IDS:
        (tree / name).write_bytes(name.encode() * 30)
    (tree / "link").symlink_to(IDS[0])
    with tarfile.open(tmp_path / "t.tar", "w", format=form) as tar:
        long = "" if form == tarfile.USTAR_FORMAT else "a-rather-long-directory-name/" * 5
        tar.add(tmp_path / "NNCP", long + "NNCP")
    entries = found((tmp_path / "t.tar").read_bytes())
    assert sorted(name.encode() * 30 for name in IDS) == sorted(content for _, content in entries)
    assert all(path.endswith((*IDS,)) for path, _ in entries)


def test_tarfile_reads_what_we_write() -> None:
    stream = packed(IDS[0], b"x" * 1000) + archive.END
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        assert ["NNCP", f"NNCP/{IDS[0]}/{IDS[1]}/{IDS[0]}"] == tar.getnames()


@pytest.mark.parametrize("left", [1, 511, 600])
def test_a_stream_that_ends_in_a_packet_says_so_after_the_whole_ones(left: int) -> None:
    stream = packed(IDS[0], b"whole") + packed(IDS[1], b"x" * 700)[: 1024 + left]
    entries = archive.members(io.BytesIO(stream).read)
    whole = next(entries)
    assert (IDS[0], b"whole") == (whole.path[-52:], b"".join(whole.content))
    cut = next(entries)
    with pytest.raises(Truncated):
        b"".join(cut.content)


@given(st.binary(max_size=4000))
def test_no_bytes_break_it(stream: bytes) -> None:
    with suppress(Truncated):
        found(stream)


# --- the spool


def test_by_bundle_as_by_courier(alice: Party, bob: Party) -> None:
    names = sorted(alice.submit(BATCH, "bob")[0] for _ in range(3))
    stream = bundle(alice, bob)
    assert names == sorted(alice.jobs("tx")), "without delete all stays"
    done = reader(bob).receive(io.BytesIO(stream).read)
    assert (3, ()) == (done.received, done.failures)
    assert names == sorted(bob.jobs("rx"))
    assert "delivered 3" == str(bob.toss())


def test_delete_empties_the_queue_after_the_last_byte(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    bundle(alice, bob, delete=True)
    assert [] == alice.jobs("tx")


def test_a_stream_that_takes_no_more_deletes_nothing(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
        write(alice.spool, full, own(alice), {own(bob): "bob"}, delete=True)
    assert 1 == len(alice.jobs("tx"))


def test_a_tape_is_proved_before_anything_is_forgotten(alice: Party, bob: Party) -> None:
    good, bad = (alice.submit(BATCH, "bob")[0] for _ in range(2))
    stream = bytearray(bundle(alice, bob))
    place = stream.index(bad.encode()) + 512 + 300
    stream[place] ^= 1
    done = reader(alice).verify(io.BytesIO(bytes(stream)).read)
    assert ([bad], 1) == (alice.jobs("tx"), done.sent)
    assert [bad] == [failure.split(":")[0] for failure in done.failures]
    assert good not in alice.jobs("tx")


def test_a_damaged_packet_is_refused_and_the_others_are_taken(alice: Party, bob: Party) -> None:
    good, bad = (alice.submit(BATCH, "bob")[0] for _ in range(2))
    stream = bytearray(bundle(alice, bob))
    stream[stream.index(bad.encode()) + 512 + 300] ^= 1
    done = reader(bob).receive(io.BytesIO(bytes(stream)).read)
    assert [good] == bob.jobs("rx")
    assert (1, 1) == (done.received, len(done.failures))
    assert [] == bob.tmp()


def test_a_truncated_stream_keeps_what_was_complete(alice: Party, bob: Party) -> None:
    for _ in range(2):
        alice.submit(BATCH, "bob")
    stream = bundle(alice, bob)
    done = reader(bob).receive(io.BytesIO(stream[: len(stream) - len(archive.END) - 500]).read)
    assert (1, 1, []) == (done.received, len(done.failures), bob.tmp())


def test_seen_packets_are_not_taken_again(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    stream = bundle(alice, bob)
    carry(alice, bob)
    bob.toss()
    done = reader(bob).receive(io.BytesIO(stream).read)
    assert (0, 1, []) == (done.received, done.known, bob.jobs("rx"))


def test_others_packets_pass_by(alice: Party, bob: Party, party: Callable[[str], Party]) -> None:
    carol = party("carol")
    alice.knows(carol)
    carol.knows(alice)
    alice.submit(BATCH, "carol")
    alice.submit(BATCH, "bob")
    stream = bundle(alice, bob, carol)
    assert 1 == reader(carol).receive(io.BytesIO(stream).read).received
    assert 1 == len(carol.jobs("rx"))


def test_strangers_are_refused_without_a_directory(bob: Party, party: Callable[[str], Party]) -> None:
    stranger = party("stranger")
    stranger.knows(bob)
    stranger.submit(BATCH, "bob")
    done = reader(bob).receive(io.BytesIO(bundle(stranger, bob)).read)
    assert (0, 1) == (done.received, len(done.failures))
    assert not bob.box(stranger, "rx").exists()


def test_limits_and_senders_hold(alice: Party, bob: Party) -> None:
    for _ in range(3):
        alice.submit(BATCH, "bob")
    stream = bundle(alice, bob)
    assert 0 == reader(bob, senders={"somebody"}).receive(io.BytesIO(stream).read).received
    done = reader(bob, limits={"alice": Limits(packets=2)}).receive(io.BytesIO(stream).read)
    assert (2, 1) == (done.received, len(done.postponed))


def test_a_dry_run_writes_nothing(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    stream = bundle(alice, bob)
    assert 1 == reader(bob).receive(io.BytesIO(stream).read, dry_run=True).received
    assert not os.path.exists(bob.spool.root)


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        f"{IDS[0]}/../{IDS[1]}",
        f"x/{IDS[0]}/{IDS[1].lower()}/{IDS[2]}",
    ],
)
def test_no_path_leads_anywhere(bob: Party, path: str) -> None:
    info = tarfile.TarInfo(path)
    info.size = 4
    stream = info.tobuf() + b"evil" + archive.filling(4)
    done = reader(bob).receive(io.BytesIO(stream).read)
    assert (0, 0) == (done.received, len(done.failures))
    assert not os.path.exists(bob.spool.root)


def test_the_bundle_of_the_real_tool_is_read() -> None:
    stream = (VECTORS / "bundle.tar").read_bytes()
    names = [path.rpartition("/")[2] for path, _ in found(stream)]
    assert 3 == len(names)
    for name, (_, content) in zip(names, found(stream), strict=True):
        assert (VECTORS / "packets" / name).read_bytes() == content
