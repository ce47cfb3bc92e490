"""Niceness as text, beyond the vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.packet import niceness


@given(st.integers(1, 255))
def test_shown_niceness_is_read_back(value: int) -> None:
    assert value == niceness.parse(niceness.format(value))
    assert value == niceness.parse(str(value))


# Real NNCP wraps around and takes MAX+1 for 0, MAX+32 for 31.
@pytest.mark.parametrize("text", ["MAX+0", "MAX+1", "max+32"])
def test_steps_past_max_are_refused_where_nncp_overflows(text: str) -> None:
    with pytest.raises(ValueError, match="is no niceness"):
        niceness.parse(text)


@pytest.mark.parametrize(
    "text", ["F-", "F+", "F+-1", "F--1", "+1", "F+1+1", "F1", "\u0661", "F+\u00b2", " 1", "1 ", "9" * 5000]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no niceness"):
        niceness.parse(text)


@given(st.text(alphabet="fpnbaxmFPN+-0123", max_size=8))
def test_whatever_is_read_is_a_niceness(text: str) -> None:
    try:
        value = niceness.parse(text)
    except ValueError:
        return
    assert 1 <= value <= 255
