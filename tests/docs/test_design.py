"""DESIGN.md: the modules it sends a reader to are there, in the order that a message takes."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

import pytest

from tests.docs.pages import ROOT, rows, sections

PAGE = sections(ROOT / "DESIGN.md")


def modules(cell: str) -> list[str]:
    return [name.rstrip("/") for name in re.findall(r"`([\w/*]+)`", cell)]


NAMED = sorted(set(chain.from_iterable(modules(row[1]) for row in rows(PAGE["The way of a message"]))))


@pytest.mark.parametrize("name", [name for name in NAMED if not name.startswith("gateway_")])
def test_the_way_of_a_message_leads_to_modules_that_are_there(name: str) -> None:
    pattern = name.replace("plugins/*/", "plugins/*/gateway_*/")
    base = ROOT if name.startswith("plugins/") else ROOT / "gateway"
    assert [*base.glob(f"{pattern}.py"), *base.glob(f"{pattern}/__init__.py"), *base.glob(f"{pattern}/*.py")]


def test_every_dependency_says_why_it_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: packages for name, packages in project["optional-dependencies"].items() if name != "test"}
    wanted = {re.split(r"[><=]", line)[0]: "" for line in project["dependencies"]}
    wanted |= {re.split(r"[><=]", line)[0]: name for name, lines in extras.items() for line in lines}
    told = {}
    for row in rows(PAGE["Dependencies"]):
        names, _, extra = row[0].partition(" (extra ")
        told |= dict.fromkeys(names.split(", "), extra.strip("`)"))
    assert wanted == told


def test_the_words_for_parts_of_the_engine_are_those_of_the_code() -> None:
    folders = (ROOT / "gateway" / "engine", ROOT / "gateway" / "request")
    code = "\n".join(path.read_text() for folder in folders for path in folder.glob("*.py"))
    named = re.findall(r"\| `(\w+)` \|", PAGE["Words"])
    assert named
    assert [] == [word for word in named if not re.search(rf"^class {word}\b", code, re.MULTILINE)]
