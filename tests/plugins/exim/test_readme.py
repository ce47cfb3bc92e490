"""The plugin's page says what the plugin does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from gateway_exim.feeding import PATIENCE
from gateway_exim.options import Options
from gateway_exim.setup import Plan, gateway_lines, pieces

PAGE = (Path(__file__).parents[3] / "plugins/exim/README.md").read_text()
PLAN = Plan(layout="split", user="gateway", command="/usr/bin/gateway", node="hub")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.DOTALL)
    assert found is not None
    return re.sub(r"^```\w*\n", "", found.group(1), flags=re.MULTILINE)


def rows(name: str) -> list[list[str]]:
    lines = [line for line in block(name).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_transport_is_the_one_that_is_written() -> None:
    assert pieces(PLAN)[-1].text == block("transport")


def test_the_receivers_lines_are_the_ones_that_are_printed() -> None:
    assert tomllib.loads(gateway_lines(PLAN)) == tomllib.loads(block("receive"))


def test_every_option_is_there_with_its_default() -> None:
    told = {
        key.strip("`"): tomllib.loads(f"x = {value.strip('`')}")["x"] for key, value, _ in rows("options")
    }
    real = Options()
    expected = real._asdict()
    assert {**expected, "handles": list(real.handles)} == told


def test_the_patience_is_the_one_told() -> None:
    assert 3 == PATIENCE
    assert "After three\nprocesses in a row" in PAGE


@pytest.mark.parametrize("command", re.findall(r"gateway exim (setup|check)", PAGE))
def test_the_commands_exist(command: str) -> None:
    from gateway_exim.commands import exim

    assert command in exim.commands
