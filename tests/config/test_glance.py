"""A glance at a configuration agrees with the reader of TOML, or sees nothing."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.glance import glance

PLAIN = b"""\
# a node
spool = "/var/spool/gateway"  # as packaged
[self]
id = "X"
[serve]
jobs = 4
submit = '/run/gateway/submit.sock'
[routes]
"*" = "hub"
"""
SEEN = ("/var/spool/gateway", "/run/gateway/submit.sock")


def test_the_plain_way_is_seen() -> None:
    assert SEEN == glance(PLAIN)


def test_line_ends_of_another_system_are_ends_of_lines() -> None:
    assert SEEN == glance(PLAIN.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[serve]", b"[server]"),
        (b"submit", b"# submit"),
        (b"'/run/gateway/submit.sock'", b"'run/submit.sock'"),
        (b"'/run/gateway/submit.sock'", b'"/run/\\u0041"'),
        (b"'/run/gateway/submit.sock'", b"'''/run/gateway/submit.sock'''"),
        (b"'/run/gateway/submit.sock'", b""),
        (b"'/run/gateway/submit.sock'", b"'/run/\xff'"),
        (b"sock'", b"sock' + 1"),
        (b"spool", b"spools"),
    ],
)
def test_any_other_way_is_not(old: bytes, new: bytes) -> None:
    assert glance(PLAIN.replace(old, new)) is None


LINE = st.sampled_from(
    [
        'spool = "/a"', "spool='/b'", 'submit = "/c"', "submit = '/d' # e", 'submit = """/f"""', "[serve]",
        "[neigh.bob]", "[[x]]", " [serve]", "[ serve ]", "jobs = 1", "", "# [serve]", 'serve.submit = "/g"',
        'text = "a"', 'submit = "/h\\u0041"', 'list = [', '"/i",', "]",
    ]
)  # fmt: skip


@given(st.lists(LINE, max_size=8))
def test_what_is_seen_is_what_is_read(lines: list[str]) -> None:
    text = "\n".join(lines)
    seen = glance(text.encode())
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # nobody works by this
    if seen is not None:
        serve = tree.get("serve", {})
        assert seen == (tree.get("spool"), serve.get("submit"))
