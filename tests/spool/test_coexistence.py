"""A spool as NNCP's programs leave it: what is theirs stays theirs."""

from __future__ import annotations

import os

import pytest

from gateway.spool import mark
from tests.spool.samples import HEADER, PACKET, text_of


@pytest.fixture
def nncp_spool(root, bob):
    """Lay out what NNCP may have in a spool."""
    contents = {
        "log": b"When: now\n",
        "log.lock": b"",
        "tmp/nncp0123abc": b"half a packet",
        f"{bob}/rx.lock": b"",
        f"{bob}/tx.lock": b"",
        f"{bob}/toss.lock": b"",
        f"{bob}/rx/{text_of('in')}": PACKET,
        f"{bob}/rx/{text_of('part')}.part": b"half",
        f"{bob}/rx/{text_of('nock')}.nock": PACKET,
        f"{bob}/rx/seen/{text_of('seen')}": b"",
        f"{bob}/rx/hdr/{text_of('in')}": HEADER,
        f"{bob}/rx/hdr/{text_of('gone')}": HEADER,
        f"{bob}/tx/{text_of('out')}": PACKET,
        f"{bob}/tx/hdr/{text_of('out')}": b"",
        f"{bob}/area/{text_of('area')}/{text_of('post')}": b"",
    }
    for path, content in contents.items():
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        with open(f"{root}/{path}", "wb") as file:
            file.write(content)
    os.symlink(f"{root}/{bob}", f"{root}/bob")
    return contents


def test_only_whole_packets_are_seen(spool, nncp_spool, bob):
    assert [bob] == spool.nodes()
    assert [text_of("in")] == [job.name for job in spool.jobs(bob, "rx")]
    assert [text_of("out")] == [job.name for job in spool.jobs(bob, "tx")]
    assert "seen" == spool.known(text_of("seen"))
    for unfinished in ("part", "nock", "post"):
        assert [] == spool.find(text_of(unfinished))
        assert spool.known(text_of(unfinished)) is None


def test_reading_changes_nothing(spool, nncp_spool, bob, tree):
    before = tree()
    for box in ("rx", "tx", "work", "hold"):
        for job in spool.jobs(bob, box):
            assert HEADER == spool.header(job)
            assert spool.recorded(job) is None
    assert spool.known(text_of("new")) is None
    assert 0 == spool.recover()
    assert before == tree()


def test_a_whole_life_leaves_their_files_alone(spool, nncp_spool, put, bob, tree):
    before = tree()
    put(text_of("sent"), "tx")
    with spool.lock(bob, "toss"):
        (job,) = spool.jobs(bob, "rx")
        mark.finish(spool, spool.begin(job))
    assert spool.drop_sent(bob, text_of("sent"))
    gone = {f"{bob}/rx/{job.name}", f"{bob}/rx/hdr/{job.name}"}
    new = {f"{bob}/work/", f"{bob}/rx/seen/{job.name}"}
    assert before - gone | new == tree()
    for path, content in nncp_spool.items():
        if path not in gone:
            with open(f"{spool.root}/{path}", "rb") as file:
                assert content == file.read()
