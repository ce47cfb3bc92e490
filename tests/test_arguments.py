from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.arguments import checked_arguments, option_like
from gateway.errors import Refused

HOSTILE = [
    "-oQ/tmp",
    "-C/tmp/x",
    "-be",
    "-",
    "--",
    "--config=/tmp/x",
    "",
    "a@b.example\n-X",
    "a@b.example\0",
    "a\tb@b.example",
    "|cmd",
    "|cmd@b.example",
    '"|cmd"@b.example',
    "/etc/passwd",
    "/etc/passwd@b.example",
    ":include:/etc/passwd",
    '":include:/etc/passwd"@b.example',
    "a@b.example, c@b.example",
    "a@b.example c@b.example",
    "Foo <a@b.example>",
    "<a@b.example>",
    "-f@b.example",
    '"-f"@',
    "$(id)",
    "nobody",
    "<|cmd@b.example>",
    "@a.example:b@b.example",
    '"\\|cmd"@b.example',
    "\udcff@b.example",
]


@pytest.mark.parametrize("argument", HOSTILE)
def test_recipients_refuses_whatever_is_no_plain_address(argument: str) -> None:
    with pytest.raises(Refused):
        checked_arguments("recipients", ["a@b.example", argument])


def test_recipients_passes_addresses_as_they_are() -> None:
    addresses = ("Joe@B.example", "o'x+y=z@b.example", "postmaster@[192.0.2.1]", '"a b"@b.example')
    assert addresses == checked_arguments("recipients", addresses)


@pytest.mark.parametrize("argument", HOSTILE)
def test_none_lets_nothing_through(argument: str) -> None:
    assert () == checked_arguments("none", [argument])


def test_any_passes_everything_that_can_be_passed() -> None:
    assert ("-oQ/tmp", "", "a\nb") == checked_arguments("any", ["-oQ/tmp", "", "a\nb"])
    with pytest.raises(Refused):
        checked_arguments("any", ["a\0b"])


@given(st.text())
def test_what_recipients_passes_is_never_like_an_option(argument: str) -> None:
    try:
        passed = checked_arguments("recipients", [argument])
    except Refused:
        return
    assert (argument,) == passed
    assert not option_like(argument)
