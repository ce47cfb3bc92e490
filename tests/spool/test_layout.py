from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SpoolError
from gateway.spool.layout import Layout, checked, is_alias, is_name


@given(st.binary(min_size=32, max_size=32))
def test_every_encoding_of_32_bytes_is_a_name(digest):
    assert is_name(base64.b32encode(digest).decode().rstrip("="))


@given(st.text(max_size=60) | st.text("ABQZ27a=./", min_size=50, max_size=53))
def test_only_canonical_encodings_are_names(text):
    try:
        digest = base64.b32decode(text + "=" * (-len(text) % 8))
        canonical = len(digest) == 32 and base64.b32encode(digest).decode().rstrip("=") == text
    except ValueError:
        canonical = False
    assert canonical == is_name(text)


NO_NAMES = ["", "..", "../" * 17 + "A", "a" * 52, "A" * 51 + "B", "A" * 51 + "\n", "A" * 53]


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_never_becomes_part_of_a_path(text):
    paths = Layout("/spool")
    for use in (
        lambda: checked(text),
        lambda: paths.node(text),
        lambda: paths.packet("A" * 52, "rx", text),
        lambda: paths.header("A" * 52, "rx", text),
        lambda: paths.seen("A" * 52, text),
        lambda: paths.lock(text, "toss"),
    ):
        with pytest.raises(SpoolError, match="is not a"):
            use()


def test_an_unknown_box_is_refused():
    with pytest.raises(SpoolError, match="no directory of the spool"):
        Layout("/spool").box("A" * 52, "../x")


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "/", "tmp", "log", ".hidden", "a\0b", "A" * 52])
def test_names_that_get_no_symlink(text):
    assert not is_alias(text)


def test_an_ordinary_node_name_gets_a_symlink():
    assert is_alias("bob")
