from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.cron import parse
from gateway.config.model import Neighbour
from gateway.links.schedule import calls_of, next_time
from tests.real.programs import run

BOB = Neighbour(
    "bob", bytes(32), bytes(32), bytes(32), addrs={"lan": "192.0.2.7:5400", "ssh": "|ssh bob"},
    rxrate=3, onlinedeadline=20, maxonlinetime=600,
)  # fmt: skip


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    monkeypatch.setenv("TZ", getattr(request, "param", "UTC"))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    """Return the time that stands in a text with its zone."""
    return datetime.fromisoformat(text).timestamp()


def times(expression: str, after: str, number: int = 3) -> list[str]:
    found, moment = [], at(after)
    for _ in range(number):
        following = next_time(parse(expression), moment)
        if following is None:
            break
        moment = following
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", ["2026-11-22 18:20:00", "2026-11-22 18:40:00", "2026-11-22 19:00:00"]),
        ("30 0 0 1 * * *", ["2026-12-01 00:00:30", "2027-01-01 00:00:30", "2027-02-01 00:00:30"]),
        ("0 0 L * *", ["2026-11-30 00:00:00", "2026-12-31 00:00:00", "2027-01-31 00:00:00"]),
        ("0 0 LW * *", ["2026-11-30 00:00:00", "2026-12-31 00:00:00", "2027-01-29 00:00:00"]),
        ("0 0 1W 8 *", ["2027-08-02 00:00:00", "2028-08-01 00:00:00", "2029-08-01 00:00:00"]),
        ("0 0 * * MON#5", ["2026-11-30 00:00:00", "2027-03-29 00:00:00", "2027-05-31 00:00:00"]),
        ("0 0 * * FRIDAY-7", ["2026-11-27 00:00:00", "2026-11-28 00:00:00", "2026-11-29 00:00:00"]),
        ("0 0 13 * 5", ["2026-11-27 00:00:00", "2026-12-04 00:00:00", "2026-12-11 00:00:00"]),
        ("0 0 29 2 * 2026-2030", ["2028-02-29 00:00:00"]),
        ("0 0 31 2 *", []),
        ("@yearly", ["2027-01-01 00:00:00", "2028-01-01 00:00:00", "2029-01-01 00:00:00"]),
    ],
)
def test_the_times_an_expression_names(expression: str, expected: list[str]) -> None:
    assert expected == times(expression, "2026-11-22T18:10:07.5+00:00")


@pytest.mark.parametrize("zone", ["Europe/Berlin"], indirect=True)
@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # 02:30 is skipped on 28 March; it comes as much later, 03:30 in summer time.
        ("30 2 * * *", "2027-03-28T00:00:00+00:00", ["2027-03-28 01:30:00", "2027-03-29 00:30:00"]),
        # From 02:00 to 03:00 there are two of each on 31 October.
        ("*/30 * * * *", "2027-10-31T00:15:00+00:00", [
            "2027-10-31 00:30:00", "2027-10-31 01:00:00", "2027-10-31 01:30:00", "2027-10-31 02:00:00",
        ]),
        ("30 2 * * *", "2027-10-30T22:00:00+00:00", ["2027-10-31 00:30:00", "2027-10-31 01:30:00"]),
    ],
)  # fmt: skip
def test_when_the_clocks_change(expression: str, after: str, expected: list[str]) -> None:
    assert expected == times(expression, after, len(expected))


@given(
    st.sampled_from(
        ["* * * * *", "*/7 3-9 * * *", "0 12 L * *", "5 4 * * 1#2", "0 0 1,15 * MON", "59 23 15W */2 *"]
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
)
def test_the_next_time_is_later_and_none_lies_between(expression: str, moment: datetime) -> None:
    after = moment.replace(tzinfo=UTC).timestamp()
    found = next_time(parse(expression), after)
    assert found is not None
    assert after < found
    assert found == next_time(parse(expression), found - 1)
    between = after + (found - after) / 2
    assert found == next_time(parse(expression), between)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))
def test_every_minute_is_every_minute(moment: datetime) -> None:
    minute = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    expected = (minute + timedelta(minutes=1)).timestamp()
    assert expected == next_time(parse("* * * * *"), moment.replace(tzinfo=UTC).timestamp())


@pytest.mark.nncp
def test_the_times_are_nncps(nncp_bin: Path) -> None:
    chance = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", "cron"))
    for _ in range(60):
        expression = " ".join(_field(chance, low, high) for low, high in ((0, 59), (0, 23)))
        days = chance.choice(["L", "LW", f"{chance.randint(1, 31)}W", _field(chance, 1, 31), "*"])
        weekdays = chance.choice(
            [f"{chance.randint(0, 6)}L", f"WED#{chance.randint(1, 5)}", _field(chance, 0, 6), "*"]
        )
        expression += f" {days} {_field(chance, 1, 12)} {weekdays}"
        done = run([str(nncp_bin / "nncp-cronexpr"), "-num", "3", expression], environ={"TZ": "UTC"})
        said = (done.stdout + done.stderr).decode()
        now = re.search(r"Now:\s(\S{19})", said)
        assert now is not None, said
        theirs = [word.replace("T", " ") for word in re.findall(r"^\d+:\s(\S{19})Z", said, re.MULTILINE)]
        assert theirs == times(expression, now[1] + "+00:00"), expression


def _field(chance: random.Random, low: int, high: int) -> str:
    first = chance.randint(low, high)
    last = chance.randint(first, high)
    return chance.choice(
        ["*", f"*/{chance.randint(1, high)}", str(first), f"{first}-{last}", f"{first}-{last}/2"]
    )


def test_a_call_has_what_its_entry_says_and_else_the_neighbours() -> None:
    entry = {"cron": "@daily", "nice": "P", "xx": "tx", "addr": "ssh", "when-tx-exists": True, "txrate": 9}
    [call] = calls_of(BOB._replace(calls=(entry,)))
    assert ("|ssh bob",) == call.addresses
    assert (False, True, 96, 3, 9, 20) == (
        call.rules.receive, call.rules.send, call.rules.max_niceness,
        call.rules.rxrate, call.rules.txrate, call.rules.onlinedeadline,
    )  # fmt: skip
    assert call.if_waiting


def test_maxonlinetime_is_not_inherited() -> None:
    plain, limited = calls_of(
        BOB._replace(calls=({"cron": "@daily"}, {"cron": "@daily", "maxonlinetime": 5}))
    )
    assert (0, 5) == (plain.rules.maxonlinetime, limited.rules.maxonlinetime)
    assert {"192.0.2.7:5400", "|ssh bob"} == {*plain.addresses}


def test_an_address_without_a_name_is_taken_as_it_is() -> None:
    [call] = calls_of(BOB._replace(calls=({"cron": "@daily", "addr": "[2001:db8::1]:5400"},)))
    assert ("[2001:db8::1]:5400",) == call.addresses
