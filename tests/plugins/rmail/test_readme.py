"""The plugin's page says what the plugin does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from gateway_rmail.commands import rmail
from gateway_rmail.egress import PATIENCE, call_for
from gateway_rmail.options import Options
from gateway_rmail.setup import Plan, gateway_lines, pieces

from tests.plugins.rmail.material import delivery

PAGE = (Path(__file__).parents[3] / "plugins/rmail/README.md").read_text()


def plan(mta: str) -> Plan:
    return Plan(mta=mta, user="gateway", command="/usr/bin/gateway", node="hub")  # type: ignore[arg-type]


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.DOTALL)
    assert found is not None
    return re.sub(r"^```\w*\n", "", found.group(1), flags=re.MULTILINE)


def test_the_transport_is_the_one_that_is_written() -> None:
    assert pieces(plan("exim"))[-1].text == block("transport")


def test_the_service_is_the_one_that_is_written() -> None:
    assert pieces(plan("postfix"))[0].text == block("service")


def test_the_receivers_lines_are_the_ones_that_are_printed() -> None:
    assert tomllib.loads(gateway_lines(plan("exim"))) == tomllib.loads(block("receive"))


def test_the_call_is_the_one_that_is_made() -> None:
    one = delivery("x@b.example")
    assert one.envelope is not None
    words = call_for(one, Options()).words(one.envelope.sender, one.envelope.recipients)
    assert " ".join(words) == block("call").strip()


def test_every_option_is_there_with_its_default() -> None:
    lines = [line for line in block("options").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    told = {key.strip("`"): tomllib.loads(f"x = {value.strip('`')}")["x"] for key, value, _ in cells}
    real = {k: list(v) if isinstance(v, tuple) else v for k, v in Options()._asdict().items()}
    assert real == told


def test_the_patience_is_the_one_told() -> None:
    assert 3 == PATIENCE
    assert "After three deferrals in a row" in PAGE


@pytest.mark.parametrize("command", re.findall(r"gateway rmail (\w+)", PAGE))
def test_the_commands_exist(command: str) -> None:
    assert command in rmail.commands


@pytest.mark.parametrize("option", re.findall(r"`(--[a-z-]+)", PAGE))
def test_the_options_of_the_commands_exist(option: str) -> None:
    known = {name for command in rmail.commands.values() for p in command.params for name in p.opts}
    assert option in known
