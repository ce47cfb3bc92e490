from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.units import duration, duration_text, size, size_text


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90.0),
        ("1m", 60.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("5d", 432000.0),
        ("2w", 1209600.0),
        ("0.5s", 0.5),
        (90, 90.0),
        (0.25, 0.25),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert seconds == duration(written)


@pytest.mark.parametrize(
    "wrong", ["", "5", "5 days", "d", "-1s", "0s", 0, -1, True, None, ["1m"], "1e3s", "1m-", 1e300]
)
def test_what_is_no_duration(wrong: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        duration(wrong)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("256 MiB", 268435456),
        ("10GiB", 10737418240),
        ("1 kB", 1000),
        ("1.5 KiB", 1536),
        ("7", 7),
        ("7 B", 7),
        ("1 mib", 1048576),
        (0, 0),
        (12, 12),
    ],
)
def test_sizes(written: object, count: int) -> None:
    assert count == size(written)


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1 QiB", "1 MiB MiB", -1, 1.5, True, None, 2**62])
def test_what_is_no_size(wrong: object) -> None:
    with pytest.raises(ValueError, match="a size"):
        size(wrong)


@given(st.integers(1, 10**9).map(float) | st.integers(1, 10**6).map(lambda n: n / 64))
def test_a_duration_reads_as_written(seconds: float) -> None:
    assert seconds == duration(duration_text(seconds))


@given(st.integers(0, 2**61) | st.integers(0, 2**20).map(lambda n: n << 30))
def test_a_size_reads_as_written(count: int) -> None:
    assert count == size(size_text(count))


def test_texts_are_short() -> None:
    assert ["5d", "90m", "1w", "61s"] == [duration_text(x) for x in (432000.0, 5400.0, 604800.0, 61.0)]
    assert ["256 MiB", "10 GiB", "1000 B", "0 B"] == [size_text(x) for x in (2**28, 10 * 2**30, 1000, 0)]
