"""docs/exit-statuses.md against the tree of failures and the generated Exim transport."""

from __future__ import annotations

import pytest
from gateway_exim.transport import TEMPORARY

from gateway import errors
from gateway.deadline import DEFAULT_DEADLINE, GRACE
from tests.docs.pages import ROOT, rows, sections

PAGE = sections(ROOT / "docs" / "exit-statuses.md")
FAILURES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.GatewayError)
]


def test_every_failure_is_listed_with_its_statuses() -> None:
    assert [[f.__name__, str(f.status), f.enhanced] for f in FAILURES] == [
        cells[:3] for cells in rows(PAGE["Failures"])
    ]


def test_the_pipe_commands_end_in_what_the_failures_say() -> None:
    listed = {int(cells[0]) for cells in rows(PAGE["exec and submit"])}
    assert {errors.EX_OK, *(failure.status for failure in FAILURES)} == listed


def test_the_enhanced_class_agrees_with_the_status() -> None:
    for status, _, stderr, _ in rows(PAGE["exec and submit"]):
        if status != "0":
            assert {f.enhanced[0] for f in FAILURES if f.status == int(status)} == {stderr[1]}


@pytest.mark.parametrize("status", [1, 2, 75, 126, 127])
def test_the_generated_transport_defers_what_the_page_says(status: int) -> None:
    assert status in TEMPORARY
    assert f" {status}" in " " + " ".join(
        cells[0] for cells in rows(PAGE["What Exim and Postfix make of a status"])
    )


def test_the_deadlines_are_those_of_the_page() -> None:
    assert f"{DEFAULT_DEADLINE / 60:g} minutes" in PAGE["exec and submit"]
    assert GRACE < 5
