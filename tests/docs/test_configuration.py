"""docs/configuration.md against the schema, and its example against the reader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load
from gateway.config.advice import warnings
from gateway.config.model import Accept, Retry, Serve
from gateway.config.schema import IDENTITY, TOML, Kind, Schema
from tests.config.files import SELF
from tests.docs.pages import ROOT, marked, rows, sections

PAGE = ROOT / "docs" / "configuration.md"
SECTIONS = sections(PAGE)
NEIGHBOUR: Any = TOML["neigh"]["*"]  # type: ignore[call-overload]
ELSEWHERE = {"neigh", "routes", "retry", "serve", "plugin"}


def words(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


@pytest.mark.parametrize(
    ("section", "schema", "elsewhere"),
    [
        ("The node", TOML, ELSEWHERE),
        ("A neighbour", NEIGHBOUR, set()),
        ("Retry", TOML["retry"], set()),
        ("Serve", TOML["serve"], set()),
    ],
)
def test_the_tables_have_every_key_and_no_other(section: str, schema: Schema, elsewhere: set[str]) -> None:
    assert set(schema) - elsewhere == {word for row in rows(SECTIONS[section]) for word in words(row[0])}


def test_the_keys_within_a_key_are_named() -> None:
    for row in rows(SECTIONS["A neighbour"]):
        schema = NEIGHBOUR.get(row[0].strip("`"))
        if schema is not None and not isinstance(schema, Kind | list) and "*" not in schema:
            assert set(schema) <= words(row[1])
    assert set(IDENTITY) <= words(SECTIONS["The node"])


def test_the_example_is_sound(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(SELF.partition("[self]\n")[2])
    (tmp_path / "keys.toml").chmod(0o600)
    [example] = marked(PAGE.read_text(), "example")
    path = tmp_path / "gateway.toml"
    path.write_text(example)
    config = load(str(path))
    assert [] == warnings(config)
    assert "exim" == config.neighbours["bob"].handles["rsmtp"].egress


def test_the_defaults_are_the_models(tmp_path: Path) -> None:
    written = {row[0].strip("`"): row[2].strip("`") for s in ("Retry", "Serve") for row in rows(SECTIONS[s])}
    path = tmp_path / "gateway.toml"
    tables = "[retry]\n{}\n[serve]\n{}\n".format(
        "\n".join(f"{key} = {written[key]}" for key in ("schedule", "give-up", "warn-after", "warn-sender")),
        "\n".join(f"{key} = {written[key]}" for key in ("jobs", "seen-age")),
    )
    path.write_text(f"{SELF}\n{tables}")
    assert (Retry(), Serve()) == (load(str(path)).retry, load(str(path)).serve)
    assert f"{Accept().max_size >> 20} MiB" in SECTIONS["A neighbour"]
