from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.journal.entry import Entry, decode
from gateway.journal.line import FRONT, LONGEST_TEXT, MOST_ITEMS, encode
from gateway.mta import Event, EventKind

TEXTS = st.text(st.characters(), max_size=50)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
EVENTS = st.builds(
    Event,
    st.sampled_from(EventKind),
    TEXTS,
    TEXTS,
    st.integers(0, 255),
    st.integers(0),
    TEXTS,
    st.dictionaries(TEXTS, VALUES, max_size=5),
)
TIMES = st.integers(0, 4_000_000_000_000_000_000)


def read(line: bytes) -> Entry:
    entry = decode(line)
    assert entry is not None
    return entry


@given(EVENTS, TIMES)
def test_a_line_says_what_the_event_said(event: Event, when: int) -> None:
    line = encode(event, when)
    assert (1, b"\n") == (line.count(b"\n"), line[-1:])
    assert line.startswith(FRONT)
    entry = read(line)
    assert (event.kind.value, *event[1:]) == entry[2:]
    assert json.loads(line) == entry._asdict()


@given(TIMES, TIMES)
def test_times_sort_as_texts(one: int, other: int) -> None:
    event = Event(EventKind.SENT, "P", "bob")
    before, after = (read(encode(event, when)).when for when in sorted((one, other)))
    assert before <= after
    assert (before == after) == (one == other)


@given(EVENTS, st.integers(0))
def test_after_half_a_line_the_next_one_is_read(event: Event, cut: int) -> None:
    """What a full disk left of a line has no line end: the next line stands behind it."""
    line = encode(event, 0)
    torn = line[: cut % (len(line) - 1)]
    assert read(line) == read(torn + line)
    if torn.rstrip() != line.rstrip():
        assert decode(torn) is None


@given(st.binary(max_size=200))
def test_anything_else_is_passed_over(line: bytes) -> None:
    decode(line)
    decode(FRONT + line)


def test_what_is_too_long_is_cut() -> None:
    detail = {"text": "x" * 10_000, "list": ["y"] * 1000, "tuple": ("a", 1), "other": EventKind.HELD}
    entry = read(encode(Event(EventKind.HELD, "P", "bob", detail=detail), 0))
    assert "x" * LONGEST_TEXT + "..." == entry.detail["text"]
    assert ["y"] * MOST_ITEMS == entry.detail["list"]
    assert ["a", 1] == entry.detail["tuple"]
    assert "EventKind.HELD" == entry.detail["other"]
