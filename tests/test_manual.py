"""Manual pages and examples of all commands, and what of them is in the wheel."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli import COMMANDS, PIPE_HELP, group
from gateway.cli.examples import EXAMPLES
from gateway.cli.manual import all_pages, pages

ROOT = Path(__file__).resolve().parents[1]
PAGES = all_pages("1.2.3")


def leaves(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield the words that lead to every command, and the command."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, *path, name)
    else:
        yield " ".join(path), command


def ours() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name in (*COMMANDS, *PIPE_HELP):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found.update(leaves(command, name))
    return found


LEAVES = ours()


def shown(name: str) -> str:
    """Return a page as a person sees it."""
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("there is no man here")
    done = subprocess.run(
        ["man", "--warnings", "-l", "-"],
        input=PAGES[name].encode(),
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANROFFOPT": ""},
        timeout=60,
        check=True,
    )
    assert b"" == done.stderr
    return re.sub(r".\x08", "", done.stdout.decode())


def test_every_command_has_a_page() -> None:
    names = {"gateway", *(f"gateway-{name}" for name in (*COMMANDS, *PIPE_HELP, "exim", "postfix", "rmail"))}
    assert {f"{name}.1" for name in names} == set(PAGES)
    for name in names - {"gateway"}:
        escaped = name.replace("-", r"\-")
        assert f".BR {escaped} (1)" in PAGES["gateway.1"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_man_has_nothing_against_a_page(name: str) -> None:
    text = shown(name)
    assert name.removesuffix(".1").upper() in text.splitlines()[0]


def test_a_page_says_what_the_help_says() -> None:
    text = " ".join(shown("gateway-canary.1").split())
    assert "gateway canary [OPTIONS] NODE" in text
    assert "--timeout TIME how long it may take" in text
    assert "gateway canary --last --no-wait --timeout 6h bob" in text


def test_roff_obeys_nothing_of_a_text() -> None:
    help_text = (
        ".TH evil\n'so /etc/passwd\n\\fBno\\fR `bold` caf\u00e9 ~/x \"quoted\" it's\n\n\b\n.as it is\n  so"
    )
    command = click.Command("x", help=help_text)
    PAGES["gateway-x.1"] = pages({"x": command}, {"x": "a - b"}, "1")["gateway-x.1"]
    try:
        text = " ".join(shown("gateway-x.1").split())
    finally:
        del PAGES["gateway-x.1"]
    assert ".TH evil 'so /etc/passwd \\fBno\\fR bold caf\u00e9 ~/x \"quoted\" it's" in text
    assert ".as it is so" in text


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert set(LEAVES) == set(EXAMPLES), "a new command needs an example in gateway/cli/examples.py"


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_an_example_is_one(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its words are those that the command takes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.tar").touch()
    for example in EXAMPLES[path]:
        words = shlex.split(re.sub(r" [<>] .*", "", example))
        assert ["gateway", *path.split()] == words[: 1 + len(path.split())]
        with LEAVES[path].make_context(path, words[1 + len(path.split()) :]):
            pass
        assert example in LEAVES[path].get_help(click.Context(LEAVES[path]))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree, built in a process of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    built = (
        "import sys; from hatchling.builders.wheel import WheelBuilder;"
        " print(*WheelBuilder(sys.argv[1]).build(directory=sys.argv[2], versions=['standard']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", built, str(ROOT), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return Path(done.stdout.split()[-1])


def test_the_wheel_has_pages_and_completions(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shared = {name.partition(".data/data/")[2] for name in archive.namelist() if ".data/data/" in name}
    assert {f"share/man/man1/{name}" for name in PAGES} <= shared
    assert "share/bash-completion/completions/gateway" in shared
    assert [wheel] == list(wheel.parent.iterdir()), "what was made on the way is cleared away"


def test_man_finds_the_page_of_what_was_installed(wheel: Path, tmp_path: Path) -> None:
    """As pip installs it: files below ``data`` go below the prefix."""
    if shutil.which("man") is None:
        pytest.skip("there is no man here")
    with zipfile.ZipFile(wheel) as archive:
        [data] = {name.split("/")[0] for name in archive.namelist() if ".data/data/" in name}
        archive.extractall(tmp_path)
    done = subprocess.run(
        ["man", "gateway-queue"],
        env={
            "PATH": "/usr/bin:/bin",
            "MANPATH": str(tmp_path / data / "data" / "share" / "man"),
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"gateway queue list" in re.sub(rb".\x08", b"", done.stdout)
