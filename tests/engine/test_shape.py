from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.queue import Row, State
from gateway.engine.shape import MINUTES, Shape
from gateway.spool.layout import Job

NOW = 1e9


def row(node: str, minutes: float) -> Row:
    return Row(Job(node, "tx", "name", 1, NOW - 60 * minutes), State.QUEUED, None, None)


def test_a_packet_is_counted_in_the_first_column_that_is_no_less_than_its_age() -> None:
    shape = Shape.of([row("a", minutes) for minutes in (-1, 0, 5, 5.1, 10, 1280, 1281, 1e6)], NOW)
    assert {"a": [3, 2, 0, 0, 0, 0, 0, 0, 1, 2]} == shape.nodes
    assert "1280+" == shape.heads[-1]


def test_the_neighbour_with_most_packets_is_first() -> None:
    shape = Shape.of([row("few", 1), row("many", 1), row("many", 100)], NOW)
    assert ["many", "few"] == list(shape.nodes)
    assert [2, 0, 0, 0, 0, 1] == shape.total[:6]


def test_nothing_has_no_shape() -> None:
    assert ({}, [0] * 10) == (Shape.of([], NOW).nodes, Shape.of([], NOW).total)


def test_each_column_is_twice_the_one_before() -> None:
    assert [2 * minutes for minutes in MINUTES[:-1]] == list(MINUTES[1:])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-1e4, 1e7))))
def test_no_packet_is_lost_or_counted_twice(packets: list[tuple[str, float]]) -> None:
    shape = Shape.of([row(node, minutes) for node, minutes in packets], NOW)
    assert len(packets) == sum(shape.total)
    for node, counts in shape.nodes.items():
        assert sum(1 for each, _ in packets if each == node) == sum(counts)
