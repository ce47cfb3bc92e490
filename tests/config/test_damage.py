"""Whatever stands in a file, reading it ends in a configuration or in a ConfigError."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.config import nncp, toml
from gateway.config.export import export
from gateway.config.hjson import dump, parse
from gateway.config.model import Config
from gateway.config.render import render
from gateway.errors import ConfigError
from tests.config.files import BOB_KEYS, HUB_KEYS, SELF, TRICKY
from tests.config.test_toml import FULL, ROOT, TAIL

THEIRS = parse(TRICKY.read_text())
OURS = f"{ROOT}\n{SELF}\n{HUB_KEYS}\n{BOB_KEYS}\n{FULL}\n{TAIL}"
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
)

VALUES = ["1", "-1", "1.5", "true", '""', '"x"', "[]", '["x"]', "[1]", "{}", "{ x = 1 }", "1979-05-27"]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every container and key in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in items for place in ((tree, key), *places(value))]


def read_or_mistakes(read: Callable[..., Config], what: object) -> Config | list[str]:
    """Return what was read, or the mistakes without the file's name, which each begins with."""
    try:
        return read(what, "file")
    except ConfigError as failure:
        return [line.removeprefix("file: ") for line in failure.mistakes if line.startswith("file: ")]


@given(st.data())
def test_a_tree_of_nncps_with_one_value_changed(data: st.DataObject) -> None:
    tree = copy.deepcopy(THEIRS)
    container, key = data.draw(st.sampled_from(places(tree)))
    container[key] = data.draw(ODD)
    found = read_or_mistakes(nncp.read, dump(tree))
    if isinstance(found, Config):
        assert found == nncp.read(dump(export(found).tree), "file")
    else:
        assert found


@given(st.data())
def test_a_file_of_ours_with_one_line_changed(data: st.DataObject) -> None:
    lines = OURS.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key = lines[number].partition("=")[0]
    lines[number] = data.draw(st.sampled_from(["", *(f"{key}= {value}" for value in VALUES)]))
    found = read_or_mistakes(toml.read, "\n".join(lines))
    if isinstance(found, Config):
        assert found == toml.read(render(found), "file")
    else:
        assert found


@given(st.text(max_size=80))
def test_any_text_at_all(text: str) -> None:
    for read in (nncp.read, toml.read):
        found = read_or_mistakes(read, text)
        assert found
        assert not isinstance(found, Config)
