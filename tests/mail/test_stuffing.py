from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.mail.stuffing import Stuffer, Unstuffer
from tests.mail.samples import in_pieces

_OCTETS = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"a", b"\xff"]), max_size=30).map(b"".join),
)
_CUTS = st.lists(st.integers(min_value=0), max_size=8)


def normalise(message: bytes) -> bytes:
    """What a message becomes in a batch: LF line ends, and one at the end."""
    text = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text if not text or text.endswith(b"\n") else text + b"\n"


def stuff(pieces: list[bytes]) -> bytes:
    stuffer = Stuffer()
    return b"".join([*(stuffer.feed(piece) for piece in pieces), stuffer.close()])


def unstuff(pieces: list[bytes], *, crlf: bool = False) -> tuple[bytes, bytes | None, int]:
    """Return message, what follows it, and the number of the dot's line."""
    unstuffer = Unstuffer(crlf=crlf)
    text = b""
    for number, piece in enumerate(pieces):
        text += unstuffer.feed(piece)
        if unstuffer.rest is not None:
            return text, unstuffer.rest + b"".join(pieces[number + 1 :]), unstuffer.line
    return text, None, unstuffer.line


@given(_OCTETS, _CUTS, _CUTS)
@example(b"a\r\n.\r\n", [2, 3, 4, 5], [])
@example(b"a\r", [], [])
@example(b".", [], [1, 2, 3, 4])
def test_what_was_stuffed_comes_back_whatever_the_chunks(
    message: bytes, cuts: list[int], other_cuts: list[int]
) -> None:
    text = stuff(in_pieces(message, cuts))
    got, rest, line = unstuff(in_pieces(text + b"NEXT", other_cuts))
    assert normalise(message) == got
    assert rest == b"NEXT"
    assert line == 1 + text.count(b"\n")


@given(_OCTETS, _CUTS)
def test_with_crlf_it_comes_back_too(message: bytes, cuts: list[int]) -> None:
    text = stuff([message]).replace(b"\n", b"\r\n")
    got, rest, _ = unstuff(in_pieces(text, cuts), crlf=True)
    assert normalise(message) == got
    assert rest == b""


@given(_OCTETS, _CUTS)
def test_stuffed_text_is_lf_only_and_has_one_end(message: bytes, cuts: list[int]) -> None:
    text = stuff(in_pieces(message, cuts))
    assert b"\r" not in text
    assert (b"\n" + text).index(b"\n.\n") == len(text) - 2


@given(_OCTETS, st.booleans(), _CUTS)
def test_the_chunks_of_a_stream_never_matter(octets: bytes, crlf: bool, cuts: list[int]) -> None:
    """Nor for streams that we would not write: same text, same end, same refusal."""

    def outcome(pieces: list[bytes]) -> object:
        try:
            text, rest, line = unstuff(pieces, crlf=crlf)
        except Malformed as refusal:
            return str(refusal)
        # What an unended stream has given so far does depend on the chunks; its end does not.
        return (text, rest, line) if rest is not None else None

    assert outcome([octets]) == outcome(in_pieces(octets, cuts))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b".\n", b""),
        (b"\n.\n", b"\n"),
        (b"..\n.\n", b".\n"),
        (b".a\n.\n", b"a\n"),
        (b"...\n.\n", b"..\n"),
        (b"a\r\nb\rc\n.\n", b"a\nb\nc\n"),
        (b"a\r..\n.\n", b"a\n..\n"),
        (b"a\r.\n.\n", b"a\n.\n"),
        (b"a\n.\rb\n.\n", b"a\n\nb\n"),
        (b"a\n.\r\r\n.\n", b"a\n\n\n"),
        (b"a\0b\xff\n.\n", b"a\0b\xff\n"),
    ],
)
def test_lf_text(text: bytes, message: bytes) -> None:
    assert (message, b"") == unstuff([text])[:2]
    assert (message, b"") == unstuff([bytes([octet]) for octet in text])[:2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b".\r\n", b""),
        (b"..\r\n.\r\n", b".\n"),
        (b"a\nb\r\n.\r\n", b"a\nb\n"),
        (b"a\rb\r\n.\r\n", b"a\nb\n"),
        (b"a\r.\r\n.\r\n", b"a\n.\n"),
        (b"a\r\n.\r\r\n.\r\n", b"a\n\n\n"),
    ],
)
def test_crlf_text(text: bytes, message: bytes) -> None:
    assert (message, b"") == unstuff([text], crlf=True)[:2]
    assert (message, b"") == unstuff([bytes([octet]) for octet in text], crlf=True)[:2]


@pytest.mark.parametrize(
    ("text", "crlf", "line"),
    [
        (b"a\n.\r\n", False, 3),
        (b".\r\n", False, 2),
        (b"a\r\n.\n", True, 3),
        (b"a\n.\r\n", True, 3),
        (b"a\n.b\r\n.\r\n", True, 3),
        (b"a\nb\n..c\r\n.\r\n", True, 4),
        (b".\n", True, 2),
    ],
)
def test_the_other_line_end_beside_a_leading_dot_is_refused(text: bytes, crlf: bool, line: int) -> None:
    with pytest.raises(Malformed, match=rf"^line {line}: .* readers disagree where it ends"):
        unstuff([text], crlf=crlf)
    with pytest.raises(Malformed, match=rf"^line {line}: "):
        unstuff([bytes([octet]) for octet in text], crlf=crlf)
