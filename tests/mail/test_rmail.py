from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, Truncated
from gateway.mail.envelope import ReversePath
from gateway.mail.head import LIMIT, Head
from gateway.mail.rmail import WithoutFromLines, from_line, read, take_from_lines
from tests.mail.addresses import CHUNKS, MAILBOXES, SENDERS
from tests.mail.samples import FOLDER, Trickle, in_pieces

DATE = "Thu Jan  1 00:00:00 2026"
REAL = sorted(path.stem for path in FOLDER.glob("rmail-*.json") if "rmail_args" in path.read_text())


def lines(text: str) -> tuple[str, str]:
    """Return the folded path and the sender of From_ lines."""
    found = take_from_lines(Head(io.BytesIO(text.encode("utf-8", "surrogateescape"))))
    assert found is not None
    return found.path, str(found.sender(host="node"))


@pytest.mark.parametrize("name", REAL)
def test_paths_fold_as_in_real_rmail(name: str) -> None:
    """What two real programs gave their sendmail: the path behind -f, and the message."""
    told = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    head = Head(io.BytesIO((FOLDER / f"{name}.in.txt").read_bytes()))
    found = take_from_lines(head)
    assert found is not None
    assert f"-f{found.path}" in told["sendmail_argv"]
    assert (FOLDER / f"{name}.out.txt").read_bytes() == b"".join(head.rest())


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("rmail-exim-null.txt", ""),
        ("rmail-exim-pipe-default.txt", "joe@a.example"),
        ("rmail-exim-pipe-uucp.txt", "joe@a.example"),
        ("rmail-uux-data.txt", "joe@a.example"),
    ],
)
def test_what_mail_programs_write(name: str, sender: str) -> None:
    whole = (FOLDER / name).read_bytes()
    letter = read(io.BytesIO(whole), ['"y z"@far.example'])
    assert (sender, '"y z"@far.example') == (str(letter.envelope.sender), str(letter.envelope.recipients[0]))
    message = letter.message.read()
    assert message.startswith(b"Received: ")
    assert whole[letter.begin :] == message


@pytest.mark.parametrize(
    ("text", "path", "sender"),
    [
        (f"From beta!joe {DATE} remote from alpha\n", "alpha!beta!joe", "joe@beta"),
        (f"From joe {DATE} remote from alpha\n", "alpha!joe", "joe@alpha"),
        (f"From joe {DATE}\n", "joe", "joe@node"),
        (f"From joe@a.example {DATE} remote from alpha\n", "alpha!joe@a.example", "joe@a.example"),
        (f"From beta!joe@a.example {DATE} remote from alpha\n", "alpha!beta!joe@a.example", "joe@a.example"),
        (f"From x!y {DATE} remote from a\n>From z {DATE} remote from b\n", "a!b!z", "z@b"),
        (f">From z {DATE} remote from b\n", "b!z", "z@b"),
        (f"From z {DATE} remote from a\r\n>From z {DATE}\r\n", "a!z", "z@a"),
        (f'From "j b"@a.example {DATE}\n', '"j b"@a.example', '"j b"@a.example'),
        (f'From "j\\" b"@a.example {DATE} remote from h\n', 'h!"j\\" b"@a.example', '"j\\" b"@a.example'),
        (f'From "a!b"@c.example {DATE} remote from h\n', 'h!"a!b"@c.example', "a!b@c.example"),
        (f"From MAILER-DAEMON {DATE}\n", "MAILER-DAEMON", ""),
        (f"From MAILER-DAEMON {DATE} remote from alpha\n", "alpha!MAILER-DAEMON", ""),
        (f"From a!MAILER-DAEMON {DATE} remote from alpha\n", "alpha!a!MAILER-DAEMON", ""),
        (f"From <> {DATE} remote from alpha\n", "alpha!<>", ""),
        (f"From  {DATE} remote from alpha\n", "alpha!<>", ""),
        (f"From  joe@a.example {DATE}\n", "joe@a.example", "joe@a.example"),
        (f"From  Mon@a.example {DATE}\n", "Mon@a.example", "Mon@a.example"),
        (f"From MAILER-DAEMON@a.example {DATE}\n", "MAILER-DAEMON@a.example", "MAILER-DAEMON@a.example"),
        ("From joe remote from alpha\n", "alpha!joe", "joe@alpha"),
        ("From joe@a.example\n", "joe@a.example", "joe@a.example"),
        (f"From u%h@r.example {DATE} remote from h\n", "h!u%h@r.example", "u%h@r.example"),
        (f"From jü@a.example {DATE}\n", "jü@a.example", "jü@a.example"),
    ],
)
def test_lines_and_what_they_mean(text: str, path: str, sender: str) -> None:
    assert (path, sender) == lines(text)


def test_the_date_is_kept() -> None:
    found = take_from_lines(Head(io.BytesIO(b"From joe Sun Nov 22 12:50:18 GMT 2026  remote from a\n")))
    assert found is not None
    assert (("a",), "joe", "Sun Nov 22 12:50:18 GMT 2026") == found


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", Truncated),
        (b"From joe@a.example", Truncated),
        (b"From joe@a.example D\n", Truncated),
        (b"From joe@a.example D\n>From x", Truncated),
        (b"Subject: hi\n\nFrom joe@a.example D\n", Malformed),
        (b"From : joe@a.example\n\n", Malformed),
        (b"from joe@a.example D\n\n", Malformed),
        (b"From \n\nx", Malformed),
        (b'From "j D\n\nx', Malformed),
        (b"From j\xffoe@a.example D\n\nx", Malformed),
        (b"From joe D\n\nx", Malformed),
        (b"From a\x01@a.example D\n\nx", Malformed),
        (b"From " + bytes(LIMIT), Malformed),
        (b"From joe@a.example D\n" * (LIMIT // 20), Malformed),
    ],
)
def test_what_is_not_in_the_form(body: bytes, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        read(io.BytesIO(body), ["x@b.example"])


def test_without_recipients_there_is_no_envelope() -> None:
    with pytest.raises(Malformed, match="at least one recipient"):
        read(io.BytesIO(b"From joe@a.example D\n\nx"), [])


@pytest.mark.parametrize("address", SENDERS)
def test_a_written_line_gives_the_sender_back(address: str) -> None:
    line = from_line(ReversePath(address), date=DATE, node="alpha")
    letter = read(io.BytesIO(line + b"Subject: s\n\n"), ["x@b.example"])
    assert (address, b"Subject: s\n\n") == (str(letter.envelope.sender), letter.message.read())


@given(MAILBOXES)
def test_any_sender_comes_back(address: str) -> None:
    line = from_line(ReversePath(address), date=DATE, node="alpha").decode()
    # Quotes that only "!" would be a reason for mean nothing, and are not told from our own.
    needless = re.fullmatch(r'"([a-zA-Z0-9!#$%&\'*+/=?^_`{|}~.ü-]*![^\\"\s()<>\[\]:;,@]*)"(@[^@]*)', address)
    expected = needless.group(1) + needless.group(2) if needless else address
    assert expected == lines(line)[1]


def test_the_canonical_line() -> None:
    assert b"From MAILER-DAEMON D remote from n\n" == from_line(ReversePath(""), date="D", node="n")
    assert b"From joe@c.example D\n" == from_line(ReversePath("joe@c.example"), date="D", node=None)
    assert b'From "a!b"@c D remote from n\n' == from_line(ReversePath("a!b@c"), date="D", node="n")
    assert "From j\u00fc@xn--bcher-kva.example D remote from n\n".encode() == from_line(
        ReversePath("jü@bücher.example"), date="D", node="n"
    )
    for node in ("", "two words", "a!b", "a\n"):
        with pytest.raises(ValueError, match="remote from"):
            from_line(ReversePath(""), date="D", node=node)


@given(CHUNKS, st.lists(st.integers(0, 1000), max_size=5))
def test_a_message_never_brings_its_own_from_lines(chunks: list[bytes], cuts: list[int]) -> None:
    """What goes behind our line is the message without them; however it is cut, it comes back."""
    message = b"".join(chunks) + b"\n"
    parts = [from_line(ReversePath("joe@a.example"), date=DATE, node="alpha")]
    filtered = WithoutFromLines(parts.append)
    for piece in in_pieces(message, cuts):
        filtered.data(piece)
    filtered.end()
    head = Head(io.BytesIO(message))
    while re.match(rb">?From (?![ \t]*:)", line := head.line()):
        head.take(line)
    expected = b"".join(head.rest())
    assert expected == b"".join(parts[1:])
    if expected:
        letter = read(io.BytesIO(b"".join(parts)), ["x@b.example"])
        assert ("joe@a.example", expected) == (str(letter.envelope.sender), letter.message.read())


def test_a_pipe_is_read_as_it_comes() -> None:
    whole = f"From joe {DATE} remote from alpha\nSubject: s\n\nFrom x\n".encode()
    letter = read(Trickle([whole[i : i + 1] for i in range(len(whole))]), ["x@b.example"])  # type: ignore[arg-type]
    assert ("joe@alpha", b"Subject: s\n\nFrom x\n") == (str(letter.envelope.sender), letter.message.read())
