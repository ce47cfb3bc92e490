"""Every block of commands is run by a test or says why it is not; every block of configuration is loaded."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from click.core import Command

from gateway.cli import group
from gateway.config.toml import read
from tests.config.files import SELF
from tests.docs.pages import PAGES, ROOT, blocks
from tests.real.nodes import Keys

_COMMANDS = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```sh\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
NOT_OURS = {"project"}


def commands() -> list[tuple[Path, str, str]]:
    """Return page, mark and text of every block of commands."""
    return [(p, m["mark"] or "", m["body"]) for p in PAGES for m in _COMMANDS.finditer(p.read_text())]


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    """``run`` means that the page's test runs it; ``shown: WHY`` that nobody does."""
    marks = r"run(: .+)?|tests|shown: .+"
    assert [] == [(page.name, body) for page, mark, body in commands() if not re.fullmatch(marks, mark)]


@pytest.mark.parametrize("page", sorted({page for page, mark, _ in commands() if mark.startswith("run")}))
def test_a_page_with_blocks_that_are_run_has_a_test(page: Path) -> None:
    name = page.stem.replace("-", "_").lower()
    assert [*(ROOT / "tests").rglob(f"test_{name}.py")]


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line.partition(" #")[0].strip()
            for _, mark, body in commands()
            if mark.startswith("shown")
            for line in body.splitlines()
            if line.startswith("gateway ") and line.split()[1] not in ("exec", "submit", "lmtp")
        }
    ),
)
def test_what_is_only_shown_is_understood(line: str) -> None:
    """Words, options and arguments are taken, as far as that can be told without doing it."""
    from gateway.registry import add_commands

    add_commands(group, None, report=pytest.fail)
    command: Command = group
    words = shlex.split(re.sub(r"^gateway( --\w+ \S*/\S*)*", "", line))
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    command.make_context(line, words)


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=f"{page.name}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page.read_text(), "toml"))
    ],
)
def test_every_block_of_configuration_is_read(page: Path, block: str, tmp_path: Path) -> None:
    """Whom a block names without keys is given some, and a node around it what every node has."""
    tree = tomllib.loads(block)
    if NOT_OURS & tree.keys():
        return
    if isinstance(tree.get("self"), str):
        (tmp_path / tree["self"]).write_text(SELF.partition("[self]\n")[2])
        (tmp_path / tree["self"]).chmod(0o600)
        spool, own = ("", "")
    else:
        spool, _, own = SELF.partition("[self]\n")
        own = f"[self]\n{own}"
    roots, first, tables = re.split(r"(?m)(^\[|\Z)", block, maxsplit=1)
    text = f"{spool}\n{roots}\n{own}\n{_introduced(first + tables, tree)}"
    assert read(text, str(tmp_path / "gateway.toml")).neighbours


def _introduced(text: str, tree: dict[str, dict[str, dict[str, object]]]) -> str:
    """Return the tables with keys for every neighbour that is named in them and has none."""
    known = tree.get("neigh", {})
    named = {*known, *map(str, tree.get("routes", {}).values())}
    named |= {str(hop) for table in known.values() for hop in list(table.get("via", []))}  # type: ignore[call-overload]
    for name in sorted(named):
        if "id" in known.get(name, {}):
            continue
        head = f"[neigh.{name}]\n"
        made = Keys.generate()
        keys = "".join(f'{key} = "{getattr(made, key)}"\n' for key in ("id", "exchpub", "signpub"))
        text = text.replace(head, head + keys, 1) if head in text else f"{head}{keys}{text}"
    return text
