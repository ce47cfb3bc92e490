from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from gateway.config import cfgdir, load, nncp, toml
from gateway.config.export import export
from gateway.config.hjson import dump, parse
from gateway.config.model import Config
from gateway.config.render import render, render_keys
from gateway.errors import ConfigError
from tests.config.files import ALICE, EXPECTED, TRICKY, VECTORS, ours
from tests.config.test_toml import FULL, ROOT, TAIL

NODES = sorted(str(path) for path in (VECTORS / "nodes").glob("*/nncp.hjson"))


def plain(config: Config) -> Config:
    """Return a configuration without what tells where it came from."""
    return config._replace(path="", dialect="toml", key_files=())


@pytest.mark.parametrize("path", [*NODES, str(TRICKY)])
def test_nncp_to_nncp_loses_nothing(path: str, tmp_path: Path) -> None:
    config = load(path, environ={})
    again = nncp.read(dump(export(config).tree), "again")
    assert plain(config) == plain(again)


@pytest.mark.parametrize("path", NODES)
def test_a_directory_loses_nothing(path: str, tmp_path: Path) -> None:
    config = load(path, environ={})
    assert () == cfgdir.write(str(tmp_path / "dir"), export(config).tree)
    assert plain(config) == plain(load(str(tmp_path / "dir"), environ={}))


@pytest.mark.parametrize("path", NODES)
def test_nncp_to_toml_and_back_keeps_the_meaning(path: str, tmp_path: Path) -> None:
    config = load(path, environ={})
    again = toml.read(render(config), "again.toml")
    assert plain(config) == plain(again)
    assert parse(dump(export(config).tree)) == parse(dump(export(again).tree))


def test_an_import_writes_out_what_a_bare_command_means_to_nncp() -> None:
    text = render(ALICE)
    line = '{ egress = "command", command = ["/usr/sbin/sendmail", "-t"], form = "raw", arguments = "any" }'
    assert f"exec.sendmail = {line}" in text.splitlines()
    assert "bounce = false" in text.splitlines()


@pytest.mark.parametrize(("root", "bob", "tail"), [("", "", ""), (ROOT, FULL, TAIL)])
def test_our_dialect_reads_back_what_it_writes(tmp_path: Path, root: str, bob: str, tail: str) -> None:
    config = ours(tmp_path, root=root, bob=bob, tail=tail)
    assert plain(config) == plain(toml.read(render(config), "again.toml"))


def test_defaults_are_not_written(tmp_path: Path) -> None:
    text = render(ours(tmp_path, bob='exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]'))
    assert 'exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]' in text
    for word in ("retry", "serve", "bounce", "umask", "[neigh.self]", "arguments"):
        assert word not in text


def test_keys_can_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    assert ALICE.identity is not None
    (tmp_path / "keys.toml").write_text(render_keys(ALICE.identity))
    path = tmp_path / "gateway.toml"
    path.write_text(render(ALICE, keys="keys.toml"))
    assert plain(ALICE) == plain(load(str(path)))
    assert "prv" not in path.read_text()


def test_showing_shows_no_private_key() -> None:
    text = render(ALICE, private=False)
    assert "prv" not in text
    assert "exchpub" in text


def test_what_nncp_cannot_express_is_named(tmp_path: Path) -> None:
    config = ours(tmp_path, root=ROOT, bob=FULL, tail=TAIL)
    losses = export(config).losses
    assert [
        "neigh.hub: NNCP has no bounce; left out",
        "neigh.bob.exec.rsmtp: NNCP lets all arguments of the peer through",
        "neigh.bob.exec.inbox: NNCP has no egress maildir; left out",
        "neigh.bob: NNCP has no mail, accept, limits, ack, warn-after; left out",
        "log-format: NNCP has nothing like it; left out",
        "plugins: NNCP has nothing like it; left out",
        "routes: NNCP has nothing like it; left out",
        "retry: NNCP has nothing like it; left out",
        "serve: NNCP has nothing like it; left out",
        "plugin: NNCP has nothing like it; left out",
    ] == list(losses)


def test_what_nncp_can_express_survives_the_way_there_and_back(tmp_path: Path) -> None:
    config = ours(tmp_path, root=ROOT, bob=FULL, tail=TAIL)
    again = nncp.read(dump(export(config).tree), "again")
    for name, neighbour in config.neighbours.items():
        for key in ("id", "exchpub", "signpub", "noisepub", "via", "addrs", "incoming", "calls"):
            assert getattr(neighbour, key) == getattr(again.neighbours[name], key)
    assert ["rsmtp"] == list(again.neighbours["bob"].handles)
    assert "exim" == again.neighbours["bob"].handles["rsmtp"].egress
    assert (config.spool, config.log, config.umask) == (again.spool, again.log, again.umask)
    assert config.extra == again.extra


def test_a_log_is_made_up_for_nncp_which_requires_one(tmp_path: Path) -> None:
    exported = export(ours(tmp_path))
    assert "/var/spool/gateway/log" == exported.tree["log"]
    assert any(loss.startswith("log: ") for loss in exported.losses)


def test_private_keys_in_a_directory_are_for_the_owner(tmp_path: Path) -> None:
    cfgdir.write(str(tmp_path / "dir"), export(ALICE).tree)
    modes = {f: stat.S_IMODE(os.stat(tmp_path / "dir" / "self" / f).st_mode) for f in ("exchprv", "signprv")}
    assert {"exchprv": 0o600, "signprv": 0o600} == modes


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match="not empty"):
        cfgdir.write(str(tmp_path), {"spool": "/s"})
    assert ["x"] == os.listdir(tmp_path)


def test_what_cannot_be_a_file_is_named_and_left_out(tmp_path: Path) -> None:
    lost = cfgdir.write(str(tmp_path / "dir"), {"neigh": {"../x": {}}, "mcd-send": {".*": 10}, "more": 1})
    assert ['neigh."../x"', 'mcd-send.".*"', "more"] == [line.split(": ")[0] for line in lost]
    assert ["dir"] == os.listdir(tmp_path)


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


@pytest.mark.nncp
@pytest.mark.parametrize("path", [*NODES, str(TRICKY)])
def test_the_real_programs_read_what_is_exported(path: str, tmp_path: Path, nncp_bin: Path) -> None:
    """The directory that the real program dumps from our file is the one it dumps from the original."""
    exported = tmp_path / "exported.hjson"
    exported.write_text(dump(export(load(path, environ={})).tree))
    dumped: list[dict[str, str]] = []
    for name in (path, str(exported)):
        directory = tmp_path / f"dump{len(dumped)}"
        run(nncp_bin / "nncp-cfgdir", "-cfg", name, "-dump", str(directory))
        files = {str(f.relative_to(directory)): f.read_text() for f in directory.rglob("*") if f.is_file()}
        dumped.append({k: v for k, v in files.items() if k != "umask" and not k.endswith("exec/empty")})
    assert dumped[0] == dumped[1]


@pytest.mark.nncp
def test_the_real_programs_read_our_directory(tmp_path: Path, nncp_bin: Path) -> None:
    cfgdir.write(str(tmp_path / "dir"), export(ALICE).tree)
    text = run(nncp_bin / "nncp-cfgdir", "-load", str(tmp_path / "dir"))
    assert plain(ALICE) == plain(nncp.read(text, "loaded"))
    run(nncp_bin / "nncp-cfgmin", "-cfg", str(tmp_path / "dir"))


@pytest.mark.nncp
def test_we_read_the_minimal_configuration_of_the_real_program(tmp_path: Path, nncp_bin: Path) -> None:
    path = tmp_path / "min.hjson"
    path.write_text(run(nncp_bin / "nncp-cfgmin", "-cfg", str(TRICKY)))
    config = load(str(path), environ={})
    assert config.identity is None
    assert {"self", "quoted name"} == set(config.neighbours)


@pytest.mark.nncp
def test_a_new_configuration_of_the_real_program_loads_with_its_comments(
    tmp_path: Path, nncp_bin: Path
) -> None:
    path = tmp_path / "new.hjson"
    path.write_text(run(nncp_bin / "nncp-cfgnew"))
    config = load(str(path), environ={})
    assert config.identity is not None
    assert ["self"] == list(config.neighbours)


@pytest.mark.nncp
def test_the_real_program_takes_the_tricky_file_as_the_vectors_say(tmp_path: Path, nncp_bin: Path) -> None:
    run(nncp_bin / "nncp-cfgdir", "-cfg", str(TRICKY), "-dump", str(tmp_path / "dir"))
    files = [path for path in (tmp_path / "dir").rglob("*") if path.is_file()]
    assert dict(EXPECTED) == {str(path.relative_to(tmp_path / "dir")): path.read_text() for path in files}
