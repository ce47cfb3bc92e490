"""docs/nncp.md against the flags that the commands take and the configuration's places."""

from __future__ import annotations

import re

import click

from gateway.cli.xfer import command as xfer
from gateway.config import source
from gateway.request import words
from tests.docs.pages import ROOT, sections

PAGE = sections(ROOT / "docs" / "nncp.md")


def test_every_flag_named_is_taken_by_exec() -> None:
    [line] = [line for line in PAGE["Switch one command"].splitlines() if line.startswith("`-nice`")]
    known = words.VALUES.keys() | words.SWITCHES.keys()
    assert [] == [flag for flag in re.findall(r"`-(\w+)`", line) if flag not in known]


def test_every_flag_shown_is_taken_by_xfer_in_both_spellings() -> None:
    flags = {option for p in xfer.params if isinstance(p, click.Option) for option in p.opts}
    shown = set(re.findall(r"(?<= )--?\w+", PAGE["By stick, either way"].split("```")[1]))
    assert shown
    assert shown <= flags


def test_the_places_of_the_configuration_are_named_in_the_order_they_are_tried() -> None:
    text = PAGE["Switch one command"]
    places = ("--config", source.OUR_VARIABLE, source.OUR_PLACE, source.NNCP_VARIABLE, source.NNCP_PLACE)
    positions = [text.index(place) for place in places]
    assert sorted(positions) == positions
