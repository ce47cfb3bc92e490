from __future__ import annotations

import pytest

from gateway.config.cron import parse


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/5 0-23/2 1,15 JAN-DEC MON-FRI",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 LW * *",
        "0 0 * * 5L",
        "0 0 * * MON#2",
        "0 0 * * 7",
        "0 0 * * * 2030",
        "30 0 0 * * * 2030",
        "30 0 0 * * * 2030 and surplus",
        "@hourly",
        "  0 0 * * sun ",
    ],
)
def test_what_nncp_takes(expression: str) -> None:
    parse(expression)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("", "five to seven fields"),
        ("* * * *", "five to seven fields"),
        ("@reboot", "five to seven fields"),
        ("60 * * * *", "minute: 60 is not within 0 to 59"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * FOO *", "month: FOO"),
        ("* * * * 8", "day of week"),
        ("5-1 * * * *", "runs backwards"),
        ("*/0 * * * *", "minute"),
        ("a * * * *", "minute"),
        ("* * * * * 1969", "year"),
        ("60 * * * * * *", "second"),
        ("* * * * MON#6", "day of week"),
        ("1,,2 * * * *", "minute"),
    ],
)
def test_what_it_does_not(expression: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse(expression)
