from __future__ import annotations

import os
import stat

import pytest

from gateway.errors import SpoolError, UnknownJob
from gateway.spool import mark
from gateway.spool.spool import Spool
from tests.spool.samples import HEADER, PACKET, text_of


def test_making_one_touches_nothing(root):
    Spool(root)
    assert not os.path.exists(root)


def test_a_missing_spool_reads_as_empty_and_stays_missing(spool, bob, name, root):
    assert [] == spool.nodes()
    assert [] == list(spool.jobs(bob, "rx"))
    assert [] == spool.find(name)
    assert spool.known(name) is None
    assert 0 == spool.recover()
    assert not os.path.exists(root)


def test_a_commit_leaves_packet_header_and_symlink(spool, bob, name, tree, root):
    with spool.stage() as staged:
        staged.write(PACKET)
        staged.complete()
        spool.commit(staged, bob, "tx", name, alias="bob")
        assert staged.committed
    made = {f"{bob}/", f"{bob}/tx/", f"{bob}/tx/{name}", f"{bob}/tx/hdr/", f"{bob}/tx/hdr/{name}"}
    assert {"tmp/", "bob"} | made == tree()
    assert f"{root}/{bob}" == os.readlink(f"{root}/bob")
    with open(spool.paths.header(bob, "tx", name), "rb") as file:
        assert HEADER == file.read()


def test_no_header_copy_of_what_is_shorter_than_a_header(put, spool, name, bob):
    put(name, content=HEADER[:-1])
    assert not os.path.exists(spool.paths.header(bob, "rx", name))


def test_nohdr(root, bob, name):
    spool = Spool(root, nohdr=True)
    with spool.stage() as staged:
        staged.write(PACKET)
        staged.complete()
        spool.commit(staged, bob, "tx", name)
    assert [name] == os.listdir(f"{root}/{bob}/tx")


def test_header_and_symlink_never_fail_a_commit(spool, bob, name, root):
    os.makedirs(f"{root}/{bob}/tx")
    os.symlink("elsewhere", f"{root}/bob")
    with open(f"{root}/{bob}/tx/hdr", "w"):
        pass
    with spool.stage() as staged:
        staged.write(PACKET)
        staged.complete()
        spool.commit(staged, bob, "tx", name, alias="bob")
    assert "elsewhere" == os.readlink(f"{root}/bob")
    assert ["tx"] == [job.box for job in spool.find(name)]
    assert [] == os.listdir(f"{root}/tmp")


def test_committing_a_name_again_replaces_it(put, spool, name):
    put(name)
    put(name)
    assert 1 == len(spool.find(name))


def test_the_umask_given_wins_over_the_process(root, bob, name):
    before = os.umask(0o077)
    try:
        spool = Spool(root, umask=0o007)
        with spool.stage() as staged:
            staged.write(PACKET)
            staged.complete()
            spool.commit(staged, bob, "tx", name)
        with spool.lock(bob, "toss"):
            pass
        mark.make_by_name(spool, bob, name)
    finally:
        os.umask(before)
    for path in ("", "/tmp", f"/{bob}", f"/{bob}/tx", f"/{bob}/tx/hdr", f"/{bob}/rx", f"/{bob}/rx/seen"):
        assert 0o770 == stat.S_IMODE(os.stat(root + path).st_mode), path
    for path in (f"/tx/{name}", f"/tx/hdr/{name}", "/toss.lock", f"/rx/seen/{name}"):
        assert 0o660 == stat.S_IMODE(os.stat(f"{root}/{bob}{path}").st_mode), path


def test_setgid_of_the_spool_reaches_the_new_directories(root, bob, name):
    os.mkdir(root)
    os.chmod(root, 0o2770)
    mark.make_by_name(Spool(root, umask=0o007), bob, name)
    assert 0o2770 == stat.S_IMODE(os.stat(f"{root}/{bob}/rx/seen").st_mode)


def test_nodes_are_real_directories_with_ids(spool, put, name, bob, root):
    put(name)
    os.symlink(bob, f"{root}/bob")
    os.symlink(bob, f"{root}/{text_of('link')}")
    os.mkdir(f"{root}/{bob.lower()}")
    with open(f"{root}/{text_of('file')}", "w"):
        pass
    alice = text_of("alice")
    put(name, node=alice)
    assert sorted([alice, bob]) == spool.nodes()


def test_jobs_passes_over_everything_else(spool, put, name, bob, root):
    job = put(name)
    for stranger in (f"{text_of(1)}.part", f"{text_of(1)}.nock", "nncpxfer12", text_of(1).lower()):
        with open(f"{root}/{bob}/rx/{stranger}", "w"):
            pass
    os.mkdir(f"{root}/{bob}/rx/{text_of(2)}")
    os.symlink(name, f"{root}/{bob}/rx/{text_of(3)}")
    os.mkfifo(f"{root}/{bob}/rx/{text_of(4)}")
    assert [job] == list(spool.jobs(bob, "rx"))
    assert (len(PACKET), bob, "rx") == (job.size, job.node, job.box)
    assert [(job, HEADER)] == list(spool.headers(bob, "rx"))
    assert [] == list(spool.headers(bob, "work"))


def test_a_packet_that_cannot_be_read_is_listed_without_its_header(spool, put, name, bob, monkeypatch):
    job = put(name)
    opened = os.open

    def refusing(path, *rest, **at):
        if path == name:
            raise PermissionError(path)
        return opened(path, *rest, **at)

    monkeypatch.setattr(os, "open", refusing)
    assert [(job, b"")] == list(spool.headers(bob, "rx"))


def test_open_and_header_read_the_packet_itself(spool, put, name, bob):
    job = put(name)
    with open(spool.paths.header(bob, "rx", name), "wb") as forged:
        forged.write(b"forged" * 30)
    assert HEADER == spool.header(job)
    with spool.open(job) as file:
        assert PACKET == file.read()
    assert PACKET == spool.read(job)
    assert PACKET[:9] == spool.read(job._replace(size=9))


@pytest.mark.parametrize("instead", ["nothing", "fifo", "directory"])
def test_a_job_that_vanished_is_unknown(spool, put, name, bob, instead):
    job = put(name)
    path = spool.paths.packet(bob, "rx", name)
    os.unlink(path)
    if instead == "fifo":
        os.mkfifo(path)
    if instead == "directory":
        os.mkdir(path)
    for use in (spool.open, spool.read, spool.header):
        with pytest.raises(UnknownJob, match=f"{name} is not in rx"):
            use(job)


def test_taking_up_or_holding_a_job_that_vanished(spool, put, name, bob):
    job = put(name)
    spool.begin(job)
    with pytest.raises(UnknownJob):
        spool.begin(job)
    with pytest.raises(UnknownJob):
        spool.hold(job, "too late")
    assert ["work"] == [found.box for found in spool.find(name)]


def test_a_symlink_in_place_of_a_packet_is_not_followed(spool, put, name, bob):
    job = put(name)
    path = spool.paths.packet(bob, "rx", name)
    os.rename(path, f"{path}.moved")
    os.symlink(f"{path}.moved", path)
    with pytest.raises(SpoolError, match="symlink"):
        spool.open(job)


def test_known_looks_under_every_neighbour_and_seen_comes_first(spool, put, name, bob):
    carol = text_of("carol")
    spool.begin(put(name))
    assert "work" == spool.known(name)
    assert spool.known(name, [carol]) is None
    mark.make_by_name(spool, carol, name)
    assert "seen" == spool.known(name)
    assert "work" == spool.known(name, [bob])


def test_free_is_never_more_than_the_disk(spool, put, name, root):
    put(name)
    disk = os.statvfs(root)
    assert 0 <= spool.free() <= disk.f_blocks * disk.f_frsize


def test_a_spool_is_not_made_where_its_parent_is_missing(tmp_path):
    spool = Spool(str(tmp_path / "not" / "mounted"))
    with pytest.raises(SpoolError, match="not/mounted: no such file or directory"):
        spool.stage()
    assert [] == os.listdir(tmp_path)
