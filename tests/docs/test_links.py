"""docs/links.md against the commands and the numbers of the code."""

from __future__ import annotations

import re

import click

from gateway.cli.call import command as call
from gateway.cli.daemon import command as daemon
from gateway.links.daemon import MOST_CONNECTIONS
from gateway.links.session import inbound, pace, rules
from tests.docs.pages import ROOT, blocks, rows, sections

TEXT = (ROOT / "docs" / "links.md").read_text()
PAGE = sections(ROOT / "docs" / "links.md")


def flags(command: click.Command) -> set[str]:
    return {option for p in command.params if isinstance(p, click.Option) for option in p.opts}


def test_every_flag_shown_is_taken() -> None:
    lines = [line for block in blocks(TEXT, "sh") for line in block.splitlines()]
    shown = [(name, flag) for line in lines for name in re.findall(r"^gateway (\w+)", line)
             for flag in re.findall(r" (--\w+)", line)]  # fmt: skip
    assert {"call", "daemon"} == {name for name, _ in shown}
    known = {"call": flags(call), "daemon": flags(daemon)}
    assert [] == [(name, flag) for name, flag in shown if flag not in known[name]]


def test_nncps_spellings_are_taken() -> None:
    assert {
        "-rx",
        "-tx",
        "-list",
        "-nice",
        "-rxrate",
        "-txrate",
        "-onlinedeadline",
        "-maxonlinetime",
    } <= flags(call)
    assert {"-bind", "-maxconn", "-nice", "-ucspi", "-inetd"} <= flags(daemon)


def test_numbers_are_those_of_the_code() -> None:
    assert f"up to {inbound.BATCH} small packets" in TEXT
    assert f"within {rules.DEADLINE:g} s (`$NNCPDEADLINE`)" in TEXT
    assert f"`--max-connections` ({MOST_CONNECTIONS})" in TEXT
    assert f"down to {pace.SMALLEST // 1024} KiB" in TEXT
    assert ["0", "1", "2", "75"] == [cells[0] for cells in rows(PAGE["Statuses of a call"])]
