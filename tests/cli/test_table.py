"""Tables: the same rows for a pipe and for a terminal, with rich and without it."""

from __future__ import annotations

import io
import sys

import pytest

from gateway.cli import table
from gateway.cli.progress import Progress
from gateway.cli.table import Column, Tinted, has_colour, show_table, tint

COLUMNS = (Column("NAME"), Column("SIZE", right=True), Column("NOTE", wraps=True))
ROWS = [("alice", "5 B", Tinted("well", "good")), ("bob", "12 MiB", Tinted("late\x1b[2J\nnow", "bad"))]
PLAIN = "NAME     SIZE  NOTE\nalice     5 B  well\nbob    12 MiB  late?[2J now\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def shown(stream: io.StringIO) -> str:
    show_table(COLUMNS, ROWS, stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_text() -> None:
    assert PLAIN == shown(io.StringIO())


def test_a_terminal_without_rich_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert PLAIN == shown(Terminal())


def test_a_terminal_gets_colours_and_nothing_a_peer_wrote() -> None:
    found = shown(Terminal())
    assert "\x1b[32mwell" in found
    assert "\x1b[31mlate?[2J now" in found
    assert "\x1b[2J" not in found


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]) -> None:
    monkeypatch.setenv(*variable)
    found = shown(Terminal())
    assert "well" in found
    assert "\x1b[3" not in found
    assert "well" == tint("well", "good", Terminal())
    assert not has_colour(Terminal())


def test_a_narrow_terminal_folds_what_may_be_folded_and_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    show_table(COLUMNS, [("x" * 20, "5 B", "words " * 10)], stream)
    assert "x" * 20 in stream.getvalue()
    assert 10 == stream.getvalue().count("words")
    assert 50 >= max(len(line) for line in stream.getvalue().splitlines() if "\x1b" not in line)


def test_what_does_not_fit_is_plain_rather_than_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert PLAIN == shown(Terminal())


def test_many_rows_are_plain_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MANY", 1)
    assert PLAIN == shown(Terminal())


def test_rows_of_a_given_width_are_written_as_they_come() -> None:
    stream = io.StringIO()

    def rows():
        for number in range(3):
            yield (str(number),)
            assert str(number) in stream.getvalue()

    assert 3 == show_table([Column("N", 3)], rows(), stream)


def test_no_rows_no_heading() -> None:
    for stream in (io.StringIO(), Terminal()):
        assert 0 == show_table(COLUMNS, [], stream)
        assert "" == stream.getvalue()


@pytest.mark.parametrize(
    ("tone", "code"), [("good", "32"), ("warn", "33"), ("bad", "31"), ("quiet", "2"), ("strong", "1")]
)
def test_tints(tone: table.Tone, code: str) -> None:
    assert "a?b" == tint("a\x1bb", tone, io.StringIO())
    assert f"\x1b[{code}m" in tint("a", tone, Terminal())


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert not table.is_terminal(stream)


@pytest.mark.parametrize(("stream", "seconds", "expected"), [
    (Terminal, 2.0, True), (Terminal, 0.0, False), (io.StringIO, 2.0, False),
])  # fmt: skip
def test_progress_is_shown_when_it_takes_long_and_somebody_looks(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], seconds: float, expected: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream())
    moments = iter([0.0, *[seconds] * 9])
    with Progress(4, "checking", clock=lambda: next(moments)) as progress:
        for _ in range(4):
            progress.advance()
    assert expected == ("checking" in sys.stderr.getvalue())  # type: ignore[attr-defined]
