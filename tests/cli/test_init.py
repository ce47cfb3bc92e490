from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from gateway.cli import run_command
from gateway.config import load
from gateway.config.advice import warnings
from gateway.config.block import read_block
from gateway.packet.identity import encode

Capture = pytest.CaptureFixture[str]


def test_a_new_node_is_whole(tmp_path: Path, capsys: Capture) -> None:
    directory = tmp_path / "alice"
    assert 0 == run_command(["init", "--name", "alice", str(directory)], {})
    out, err = capsys.readouterr()
    config = load(str(directory / "gateway.toml"))
    assert {"gateway.toml", "keys.toml", "spool"} == set(os.listdir(directory))
    assert 0o600 == stat.S_IMODE((directory / "keys.toml").stat().st_mode)
    assert ("alice", f"{directory}/spool", f"{directory}/spool/log") == (
        config.name,
        config.spool,
        config.log,
    )
    assert [] == warnings(config)
    block = read_block(out)
    assert config.identity is not None
    assert ("alice", encode(config.identity.id)) == (block.name, block.keys["id"])
    assert "prv" not in out
    assert "alice is made in" in err


def test_every_example_in_the_comments_is_valid(tmp_path: Path, capsys: Capture) -> None:
    run_command(["init", "--name", "alice", str(tmp_path)], {})
    path = tmp_path / "gateway.toml"
    text = path.read_text()
    examples = re.sub(r"(?m)^#(?=[\[a-z\"])", "", text)
    assert 25 < sum(a != b for a, b in zip(text.splitlines(), examples.splitlines(), strict=True))
    path.write_text(examples)
    config = load(str(path))
    assert ("hub",) == config.neighbours["bob"].via
    assert {"rsmtp": "exim", "inbox": "maildir"} == {
        name: handle.egress for name, handle in config.neighbours["bob"].handles.items()
    }
    assert [] == [line for line in warnings(config) if "private keys" not in line]


def test_nothing_is_overwritten(tmp_path: Path, capsys: Capture) -> None:
    for file in ("gateway.toml", "keys.toml"):
        directory = tmp_path / file
        directory.mkdir()
        (directory / file).write_text("mine")
        assert 1 == run_command(["init", str(directory)], {})
        assert "exists already; nothing was written" in capsys.readouterr().err
        assert [file] == os.listdir(directory)
        assert "mine" == (directory / file).read_text()


def test_a_name_no_command_line_could_take_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert 2 == run_command(["init", "--name", "a b", str(tmp_path / "x")], {})
    assert not (tmp_path / "x").exists()


def test_the_host_gives_the_name(tmp_path: Path, capsys: Capture) -> None:
    assert 0 == run_command(["init", str(tmp_path)], {})
    assert os.uname().nodename.split(".")[0] == load(str(tmp_path / "gateway.toml")).name


def test_nobody_else_may_write_there_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert 0 == run_command(["init", "--name", "alice", str(tmp_path / "alice")], {})
    finally:
        os.umask(before)
    for path in (tmp_path / "alice", *(tmp_path / "alice").iterdir()):
        assert 0 == path.stat().st_mode & stat.S_IWOTH, path
