"""`gateway plugin new`, from an installed wheel: what it writes is complete, and its tests pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import run_command
from tests.testing.outside import ROOT, Outside

HALVES = {
    "both": ((), {"ingress", "egress"}),
    "mail in": (("--no-egress",), {"ingress"}),
    "mail out": (("--no-ingress",), {"egress"}),
}


@pytest.fixture(params=HALVES)
def halves(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], set[str]]:
    return HALVES[request.param]


def test_the_kit_comes_from_the_wheel(outside: Outside) -> None:
    where = "import gateway.testing as kit, sys; print(kit.__file__, *sys.path, sep='\\n')"
    done = outside.python("-c", where)
    kit, *path = done.stdout.splitlines()
    assert kit.startswith(str(outside.venv)), done.stderr
    assert str(ROOT) not in path


def test_its_tests_pass_outside_of_the_tree(outside: Outside) -> None:
    folder = outside.directory / "gateway-pigeon-post"
    made = outside.gateway("plugin", "new", "pigeon-post")
    assert 0 == made.returncode, made.stderr
    assert str(folder) in made.stderr or "cd gateway-pigeon-post" in made.stderr
    outside.install(folder)
    done = outside.pytest(folder)
    assert 0 == done.returncode, done.stdout
    assert re.search(r"^\d\d passed", done.stdout.splitlines()[-1]), done.stdout
    checked = outside.gateway("plugin", "check", "pigeon-post")
    assert 0 == checked.returncode, checked.stderr


def test_what_is_written_is_what_was_asked_for(
    tmp_path: Path, halves: tuple[tuple[str, ...], set[str]]
) -> None:
    options, expected = halves
    folder = tmp_path / "made"
    assert 0 == run_command(["plugin", "new", *options, "--directory", str(folder), "pigeon"], {"quiet": ""})
    found = {path.stem for path in (folder / "gateway_pigeon").glob("*gress.py")}
    assert expected == found == {path.stem.removeprefix("test_") for path in folder.glob("tests/test_*.py")}
    left = [
        path
        for path in folder.rglob("*")
        if path.is_file() and "@" in re.sub(r"\w+@\w|@hook|@pyt", "", path.read_text())
    ]
    assert [] == left


def test_what_is_written_is_clean(tmp_path: Path, halves: tuple[tuple[str, ...], set[str]]) -> None:
    folder = tmp_path / "made"
    run_command(["plugin", "new", *halves[0], "--directory", str(folder), "pigeon"], {"quiet": ""})
    for tool in (
        ["ruff", "check", "--isolated", "--line-length", "110", "--select", "E,F,I,B,UP,RUF,W", "."],
        ["ruff", "format", "--isolated", "--line-length", "110", "--check", "."],
        [
            "mypy",
            "--strict",
            "--config-file",
            "/dev/null",
            "--cache-dir",
            "/dev/null",
            "gateway_pigeon",
            "tests",
        ],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool], cwd=folder, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stdout


def test_nothing_that_is_there_is_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == run_command(["plugin", "new", "--directory", str(tmp_path), "pigeon"], {})
    assert "exists already; nothing was written" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["Pigeon", "3pigeons", "pi geon", "../x", "raw", "-x", "pigeon-", "ä", "a" * 41]
)
def test_a_name_that_cannot_be_is_a_usage_error(tmp_path: Path, name: str) -> None:
    assert 2 == run_command(["plugin", "new", "--directory", str(tmp_path / "x"), "--", name], {})
    assert [] == list(tmp_path.iterdir())


def test_a_plugin_of_nothing_is_a_usage_error(tmp_path: Path) -> None:
    words = ["--no-ingress", "--no-egress", "--directory", str(tmp_path / "x")]
    assert 2 == run_command(["plugin", "new", *words, "pigeon"], {})
