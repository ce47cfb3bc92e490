"""The plugin author's front: what it promises to type checkers is what it loads, and is on the page."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from tests.docs.pages import ROOT, rows, sections

TREE = ast.parse(Path(gateway.__file__).read_text())


def promised() -> dict[str, str]:
    """Return name to home of what stands under TYPE_CHECKING, as the table of the front writes it."""
    [block] = [node for node in TREE.body if isinstance(node, ast.If)]
    modules: dict[str, str] = {}
    found: dict[str, str] = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if name.startswith("_"):
                    modules[name] = f"{node.module}.{alias.name}"
                else:
                    found[name] = str(node.module)
        else:
            assert isinstance(node, ast.Assign)
            [target], value = node.targets, node.value
            assert isinstance(target, ast.Name)
            assert isinstance(value, ast.Attribute)
            assert isinstance(value.value, ast.Name)
            found[target.id] = f"{modules[value.value.id]}:{value.attr}"
    return found


def test_what_type_checkers_see_is_what_is_loaded() -> None:
    assert promised() == gateway._HOME


@pytest.mark.parametrize("name", gateway.__all__)
def test_every_name_loads(name: str) -> None:
    assert getattr(gateway, name) is not None


def test_importing_the_front_loads_nothing() -> None:
    code = "import sys, gateway; print(*(m for m in sys.modules if m.startswith('gateway')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ["gateway"] == done.stdout.split()


def test_every_name_is_on_the_page() -> None:
    table = rows(sections(ROOT / "docs" / "hooks.md")["What may be imported"])
    listed = [word.strip("`,") for row in table for word in row[0].split()]
    assert sorted(listed) == gateway.__all__
