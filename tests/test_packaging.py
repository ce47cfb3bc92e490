"""pyproject.toml names every plugin of the repository wherever a plugin has to be named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.config.model import OWN_PLUGINS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = PROJECT["tool"]["hatch"]["build"]
FOLDERS = sorted(path.parent.parent.name for path in ROOT.glob("plugins/*/gateway_*/__init__.py"))


@pytest.mark.parametrize("name", FOLDERS)
def test_a_plugin_is_offered_built_in_linked_and_typed(name: str) -> None:
    package = f"gateway_{name}"
    assert package == PROJECT["project"]["entry-points"]["gateway"][name]
    assert f"plugins/{name}/{package}" in BUILD["targets"]["wheel"]["packages"]
    assert f"plugins/{name}" in BUILD["dev-mode-dirs"]
    assert package in PROJECT["tool"]["mypy"]["packages"]
    assert (ROOT / "plugins" / name / package / "py.typed").is_file()
    assert (ROOT / "plugins" / name / "README.md").is_file()


def test_the_plugins_enabled_by_themselves_are_those_of_the_repository() -> None:
    assert FOLDERS == sorted(OWN_PLUGINS)


def test_the_licence_is_the_one_that_is_named() -> None:
    assert "Apache-2.0" == PROJECT["project"]["license"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
    assert (ROOT / "gateway" / "py.typed").is_file()
