"""docs/configuration.md: its tables are those of the code, its example is read, its defaults are true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import run_command
from gateway.config import load
from gateway.config.advice import warnings
from gateway.config.model import Accept, Handle, Retry, Serve
from gateway.config.reference import SECTIONS, rows
from gateway.config.schema import IDENTITY
from tests.config.files import SELF, ours
from tests.docs.pages import marked, sections
from tests.docs.reference import PAGE, written

TEXT = PAGE.read_text()


def test_the_tables_are_those_that_are_printed() -> None:
    assert written(TEXT) == TEXT, "write them anew: python -m tests.docs.reference"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_its_row(section: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert all(row.value and row.default and row.meaning for row in rows(section))
    assert 0 == run_command(["config", "reference", "--json"], {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = [line["key"] for line in lines if line["section"] == section]
    assert [row.key for row in rows(section)] == keys


def test_a_handle_has_all_that_the_model_has() -> None:
    assert {*Handle._fields} - {"name", "options"} | {"path"} == {row.key for row in rows("A handle")}


def test_our_own_keys_are_named() -> None:
    assert all(f"`{key}`" in sections(PAGE)["The node"] for key in IDENTITY)


def test_the_example_is_sound(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(SELF.partition("[self]\n")[2])
    (tmp_path / "keys.toml").chmod(0o600)
    [example] = marked(TEXT, "example")
    path = tmp_path / "gateway.toml"
    path.write_text(example)
    config = load(str(path))
    assert [] == warnings(config)
    assert "exim" == config.neighbours["bob"].handles["rsmtp"].egress


def defaults(section: str) -> str:
    """Return a table with every default that a section shows as a value."""
    shown = [(row.key, row.default.strip("`")) for row in rows(section) if row.default.startswith("`")]
    return "\n".join(f"{key} = {value}" for key, value in shown if " " not in key)


def test_defaults_that_are_written_out_change_nothing(tmp_path: Path) -> None:
    tables = f"[retry]\n{defaults('Retry')}\n[serve]\n{defaults('Serve')}\n"
    full = ours(tmp_path, root=defaults("The node"), bob=defaults("A neighbour"), tail=tables)
    assert (Retry(), Serve(), Accept()) == (full.retry, full.serve, full.neighbours["bob"].accept)
    assert ours(tmp_path) == full
