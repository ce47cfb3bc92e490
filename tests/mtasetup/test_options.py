"""The options that the setup commands of all MTAs have."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from gateway.errors import UsageError
from gateway.mtasetup.options import Wanted, setup_options


def told(*words: str, config: str | None = None) -> tuple[Wanted, str]:
    """Return what a command gets, and its own option."""
    got: list[tuple[Wanted, str]] = []

    @click.command()
    @setup_options(below=".DOMAIN", handle="rsmtp", sendmail="the pigeon")
    @click.option("--loft", default="roof")
    def setup(*, wanted: Wanted, loft: str) -> None:
        got.append((wanted, loft))

    done = CliRunner().invoke(setup, words, obj=SimpleNamespace(config_path=config), catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return got[0]


def test_what_nobody_says_is_as_it_usually_is() -> None:
    expected: Wanted = {
        "node": None,
        "routes": (),
        "user": "gateway",
        "command": os.path.abspath(sys.argv[0]),
        "config": None,
        "handle": "rsmtp",
        "sendmail": "/usr/sbin/sendmail",
        "send": True,
        "receive": True,
    }
    assert (expected, "roof") == told()


@pytest.mark.parametrize(
    ("words", "directions"),
    [
        (("--send",), (True, False)),
        (("--no-send",), (False, True)),
        (("--receive",), (False, True)),
        (("--no-receive",), (True, False)),
        (("--send", "--receive"), (True, True)),
        (("--no-send", "--no-receive"), (False, False)),
    ],
)
def test_one_direction_named_is_the_only_one(words: tuple[str, ...], directions: tuple[bool, bool]) -> None:
    wanted, _ = told(*words)
    assert directions == (wanted["send"], wanted["receive"])


def test_the_configuration_is_the_one_the_gateway_was_started_with_unless_another_is_named() -> None:
    assert "/a.toml" == told(config="/a.toml")[0]["config"]
    assert "/b.toml" == told("--config", "/b.toml", config="/a.toml")[0]["config"]


def test_routes_are_read_and_its_own_option_is_left_to_the_command() -> None:
    wanted, loft = told("--route", "a=b", "--route", "c=d", "--loft", "attic")
    assert ((("a", "b"), ("c", "d")), "attic") == (wanted["routes"], loft)
    with pytest.raises(UsageError, match="expected DOMAIN=NODE"):
        told("--route", "a")
