"""The plugin's page says what the plugin does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from gateway_postfix.egress import ARGUMENTS_SIZE, PERMANENT
from gateway_postfix.options import Options
from gateway_postfix.service import OUR_DEADLINE, service_argv, service_block
from gateway_postfix.setup import Plan, gateway_lines, parameters

from gateway import deadline

FILE = Path(__file__).parents[3] / "plugins/postfix/README.md"
PAGE = FILE.read_text()
PLAN = Plan(user="gateway", command="/usr/bin/gateway", node="hub")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.DOTALL)
    assert found is not None
    return re.sub(r"^```\w*\n", "", found.group(1), flags=re.MULTILINE)


def rows(name: str) -> list[list[str]]:
    lines = [line for line in block(name).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_service_is_the_one_that_is_written() -> None:
    assert service_block("gateway", service_argv("/usr/bin/gateway", None)) == block("service")


def test_the_parameters_are_those_that_are_written() -> None:
    written = parameters(PLAN, "/etc/postfix", {})
    assert "".join(f"{name} = {value}\n" for name, value in written.items()) == block("parameters")


def test_the_receivers_lines_are_the_ones_that_are_printed() -> None:
    assert tomllib.loads(gateway_lines(PLAN)) == tomllib.loads(block("receive"))


def test_every_option_is_there_with_its_default() -> None:
    told = {
        key.strip("`"): tomllib.loads(f"x = {value.strip('`')}")["x"] for key, value, _ in rows("options")
    }
    assert {"handles": list(Options().handles)} == told


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"{ARGUMENTS_SIZE // 1024} KiB of recipients" in PAGE.replace("\n", " ")
    assert ", ".join(map(str, sorted(PERMANENT))) in [row[0] for row in rows("endings")]
    assert f"above {OUR_DEADLINE} s" in block("statuses")


def test_our_own_deadline_is_the_one_that_the_check_knows() -> None:
    assert OUR_DEADLINE == deadline.DEFAULT_DEADLINE


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", PAGE))
def test_links_lead_to_files_that_are_there(target: str) -> None:
    assert (FILE.parent / target).exists()


@pytest.mark.parametrize("command", re.findall(r"gateway postfix (setup|check)", PAGE))
def test_the_commands_exist(command: str) -> None:
    from gateway_postfix.commands import postfix

    assert command in postfix.commands
