from __future__ import annotations

import pytest

from gateway.program.output import Finished, Kept


@pytest.mark.parametrize("size", [0, 9, 10, 11, 14, 15, 16, 1000])
def test_output_around_the_bound(size: int) -> None:
    text = b"".join(b"%d" % (i % 10) for i in range(size))
    kept = Kept(10)
    for i in range(0, size, 3):
        kept.add(text[i : i + 3])
    cut = size - 10
    assert (
        text if size <= 10 else b"%b\n[... %d bytes cut ...]\n%b" % (text[:5], cut, text[-5:])
    ) == kept.value()


@pytest.mark.parametrize(
    ("status", "number", "late", "words", "ok"),
    [
        (0, None, False, "exit status 0", True),
        (0, None, True, "not finished within 2.5 s", False),
        (75, None, False, "exit status 75", False),
        (None, 9, False, "killed by SIGKILL", False),
        (None, 63, False, "killed by signal 63", False),
        (None, 15, True, "not finished within 2.5 s", False),
    ],
)
def test_how_it_ended(status: int | None, number: int | None, late: bool, words: str, ok: bool) -> None:
    for output, more in ((b"", ""), (b" \n a\tb\n\nc\x1b\n", ": a b; c?")):
        finished = Finished(
            status=status, signal=number, timed_out=late, timeout=2.5, output=output, stdout=b"", stderr=b""
        )
        assert (words + more, ok) == (finished.says(), finished.ok)
