"""Reading what the real Exim printed, for every input that it was tried with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gateway_exim.report import Report, read_report

CASES = json.loads((Path(__file__).parents[2] / "vectors/mta/bs-cases.json").read_text())
STOPPED = [case for case in CASES if case["stdout"]]
NOT_STARTED = [case for case in CASES if not case["stdout"]]


def report(case: dict[str, str]) -> Report | None:
    return read_report(case["stdout"].encode(), case["stderr"].encode())


@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case["name"])
def test_every_recorded_error_is_read(case: dict[str, str]) -> None:
    found = report(case)
    assert found is not None
    assert case["stdout"].split()[0] == str(found.code)
    assert len(case["accepted"]) == found.taken


@pytest.mark.parametrize("case", NOT_STARTED, ids=lambda case: case["name"])
def test_what_did_not_stop_at_an_error_has_no_report(case: dict[str, str]) -> None:
    assert report(case) is None


def by_name(name: str) -> Report:
    found = report(next(case for case in CASES if case["name"] == name))
    assert found is not None
    return found


def test_the_recipient_at_fault_is_found_by_its_place() -> None:
    assert 1 == by_name("good + syntax-bad rcpt same message").recipient
    assert 0 == by_name("syntax error rcpt, in 2nd message").recipient
    assert by_name("bad sender syntax").recipient is None
    assert by_name("size limit alone").recipient is None


@pytest.mark.parametrize(
    ("name", "permanent"),
    [
        ("size limit alone", True),
        ("acl_not_smtp deny", True),
        ("syntax error rcpt", True),
        ("missing final dot", False),
        ("unknown command", False),
        ("two MAIL", False),
        ("recipients_max 2 of 3", False),
    ],
)
def test_only_what_is_about_the_mail_is_permanent(name: str, permanent: bool) -> None:
    assert permanent is by_name(name).permanent


def test_too_many_recipients_is_told_from_too_big() -> None:
    assert by_name("recipients_max 2 of 3").too_many
    assert by_name("recipients_max_reject 2 of 3").too_many
    assert not by_name("size limit alone").too_many


def test_a_text_that_imitates_a_report_is_not_believed() -> None:
    stdout = (
        b"550 one\nTransaction started in line 99\nError detected in line 99\nend\n"
        b"Transaction started in line 0\nError detected in line 7\n"
    )
    stderr = (
        b"  550 one\n7 previous messages were successfully processed.\n\n"
        b"0 previous messages were successfully processed.\n"
    )
    found = read_report(stdout, stderr)
    assert found is not None
    assert (0, 7, "") == (found.taken, found.line, found.command)


def test_without_the_count_nothing_is_known() -> None:
    assert (
        read_report(b"501 x\nTransaction started in line 0\nError detected in line 2\nRCPT TO:<a>\n", b"")
        is None
    )


def test_words_are_one_line() -> None:
    assert "550 a b (RCPT TO:<x>)" == Report(550, "a\nb", 0, 2, "RCPT TO:<x>").words()
