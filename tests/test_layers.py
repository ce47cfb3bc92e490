"""The layer table of DESIGN.md, held over the syntax trees; and the rules for modules beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "gateway").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
HOMELESS = {"utils", "common", "helpers", "context", "manager"}
LONGEST = 500


def table() -> dict[str, int]:
    """Return the height of every name in the table."""
    text = (ROOT / "DESIGN.md").read_text()
    lines = text.partition("<!-- layers -->")[2].partition("<!-- /layers -->")[0].splitlines()
    layers = [line.partition(":")[2] for line in lines if line.startswith("- ")]
    return {name: height for height, names in enumerate(layers) for name in re.findall(r"\w+", names)}


def imports(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of every import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, "." * node.level + (node.module or ""), a.name) for a in node.names)


def layer(dotted: str) -> str:
    """Return the name under which a module of the core stands in the table."""
    return dotted.split(".")[1]


@pytest.mark.parametrize("file", CORE, ids=lambda file: str(file.relative_to(ROOT)))
def test_modules_import_only_what_is_below_them(file: Path) -> None:
    heights = table()
    own = file.relative_to(ROOT / "gateway").with_suffix("").parts[0]
    if own == "__init__":
        return  # the plugin author's front may name everything
    assert own in heights, f"{own} stands in no layer of DESIGN.md"
    wrong = []
    for line, module, name in imports(file):
        assert not module.startswith("."), f"line {line}: relative import"
        if module.split(".")[0] == "gateway":
            target = layer(f"{module}.{name}")
            if target != own and heights.get(target, len(heights)) >= heights[own]:
                wrong.append(f"line {line}: {own} imports {target}")
        elif module.startswith("gateway_"):
            wrong.append(f"line {line}: {own} imports the plugin {module}")
    assert [] == wrong


@pytest.mark.parametrize("file", PLUGINS, ids=lambda file: str(file.relative_to(ROOT)))
def test_plugins_import_only_the_front(file: Path) -> None:
    deep = [f"line {line}: {module}" for line, module, _ in imports(file) if module.startswith("gateway.")]
    assert [] == deep


@pytest.mark.parametrize("file", CORE + PLUGINS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_has_a_noun_and_a_bearable_length(file: Path) -> None:
    assert file.stem not in HOMELESS
    assert file.parent.name not in HOMELESS
    assert LONGEST >= len(file.read_text().splitlines())


def test_the_table_is_read() -> None:
    heights = table()
    assert heights["errors"] < heights["mail"] == heights["packet"] < heights["engine"] < heights["main"]
