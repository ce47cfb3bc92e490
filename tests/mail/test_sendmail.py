from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, Refused, Truncated
from gateway.mail.envelope import UNKNOWN_SENDER, ReversePath
from gateway.mail.letter import argument_lists
from gateway.mail.sendmail import front, leading, read, split_arguments
from tests.mail.addresses import CHUNKS, MAILBOXES, SENDERS, envelope

MESSAGE = b"Subject: hi\n\nbody\n.\nFrom x\n"


@pytest.mark.parametrize(
    ("words", "sender"),
    [
        (("-f", "joe@a.example", "--"), "joe@a.example"),
        (("-fjoe@a.example",), "joe@a.example"),
        (("-i", "-oi", "-G", "-f", '"joe b"@a.example', "--"), '"joe b"@a.example'),
        (("-f", "<>"), ""),
        (("-f", ""), ""),
        (("-f<>", "--"), ""),
        (("-f", "MAILER-DAEMON"), ""),
        (("-f", "-x@a.example"), "-x@a.example"),
        (("-f", "alpha!joe"), "joe@alpha"),
        (("-f", "joe"), "joe@node"),
    ],
)
def test_the_option_names_the_sender(words: tuple[str, ...], sender: str) -> None:
    letter = read(io.BytesIO(MESSAGE), (*words, "x@b.example", '"q r"@b.example'), host="node")
    assert envelope(sender, "x@b.example", '"q r"@b.example') == letter.envelope
    assert MESSAGE == letter.message.read()


@pytest.mark.parametrize(
    "words",
    [
        ("-t",),
        ("-oQ/tmp", "x@b.example"),
        ("-C/tmp/x", "x@b.example"),
        ("-bs",),
        ("-i", "-be", "x@b.example"),
        ("-", "x@b.example"),
        ("--x", "x@b.example"),
        ("-F", "Joe", "x@b.example"),
        ("-rjoe@a.example", "x@b.example"),
        ("-it", "x@b.example"),
        ("x@b.example", "-t"),
        ("x@b.example", "--", "y@b.example"),
        ("x@b.example", "-f", "joe@a.example"),
    ],
)
def test_other_options_are_refused_by_name(words: tuple[str, ...]) -> None:
    bad = next(word for word in words if word.startswith("-") and word != "-i")
    with pytest.raises(Refused, match=repr(bad)):
        read(io.BytesIO(MESSAGE), words)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--",),
        ("-f",),
        ("-f", "x@b.example"),
        ("-f", "a@x", "-f", "b@x", "x@b.example"),
        ("-f", "joe", "x@b.example"),
        ("-f", "a b@x", "x@b.example"),
        ("b c@x",),
        ("a@x, b@x",),
        ("Foo <a@x>",),
        ("joe",),
        ("",),
    ],
)
def test_what_is_no_envelope(words: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        read(io.BytesIO(MESSAGE), words)


def test_after_two_dashes_even_a_dash_begins_an_address() -> None:
    letter = read(io.BytesIO(MESSAGE), ("--", "-x@b.example"))
    assert "-x@b.example" == str(letter.envelope.recipients[0])


@pytest.mark.parametrize(
    ("front_of_it", "sender"),
    [
        (b"Return-Path: <joe@a.example>\n", "joe@a.example"),
        (b"Return-path: <joe@a.example>\r\n", "joe@a.example"),
        (b"RETURN-PATH:joe@a.example\n", "joe@a.example"),
        (b"Return-Path :\n\t<joe@a.example>\n", "joe@a.example"),
        (b'Return-Path: <"j  b"@a.example>\n', '"j  b"@a.example'),
        (b"Return-Path: <>\n", ""),
        (b"Return-Path:\n", ""),
        (b"Return-Path: <MAILER-DAEMON>\n", ""),
        (b"Return-Path: <alpha!joe>\n", "joe@alpha"),
        (b"From other@a.example Sun\nReturn-Path: <joe@a.example>\n", "joe@a.example"),
        (b"From joe@a.example  Sun Nov 22 13:05:03 2026\n", "joe@a.example"),
        (b"From a!joe D remote from b\n>From joe D remote from c\n", "joe@c"),
        (b"From MAILER-DAEMON  Sun Nov 22 13:05:03 2026\n", ""),
    ],
)
def test_without_the_option_the_front_of_the_message_tells(front_of_it: bytes, sender: str) -> None:
    letter = read(io.BytesIO(front_of_it + MESSAGE), ("x@b.example",))
    assert envelope(sender) == letter.envelope
    assert len(front_of_it) == letter.begin
    assert MESSAGE == letter.message.read()


def test_only_the_first_header_tells() -> None:
    received = b"Received: x\nReturn-Path: <evil@e.example>\n\n"
    letter = read(io.BytesIO(received), ("x@b.example",))
    assert UNKNOWN_SENDER == letter.envelope.sender
    assert received == letter.message.read()
    twice = b"Return-Path: <joe@a.example>\nReturn-Path: <old@o.example>\n\n"
    letter = read(io.BytesIO(twice), ("x@b.example",))
    assert ("joe@a.example", twice[29:]) == (str(letter.envelope.sender), letter.message.read())


def test_the_option_leaves_a_return_path_to_the_message_and_takes_from_lines_away() -> None:
    body = b"Return-Path: <old@o.example>\n\nx"
    letter = read(io.BytesIO(b"From other@a.example D\n" + body), ("-f", "joe@a.example", "x@b.example"))
    assert ("joe@a.example", body) == (str(letter.envelope.sender), letter.message.read())


def test_an_unknown_sender_is_the_null_path_to_whoever_does_not_ask() -> None:
    sender = read(io.BytesIO(MESSAGE), ("x@b.example",)).envelope.sender
    assert (False, True, "<>") == (sender.known, sender.is_null, sender.path)
    assert ReversePath("") != sender


def test_an_input_cut_inside_a_from_line_is_temporary() -> None:
    with pytest.raises(Truncated):
        read(io.BytesIO(b"From joe@a.exam"), ("x@b.example",))


@pytest.mark.parametrize("place", ["argument", "header"])
@pytest.mark.parametrize("address", SENDERS)
def test_what_is_written_is_read_again(address: str, place: str) -> None:
    before = envelope(address, "x@b.example", '"q r"@b.example')
    words = (*leading(before.sender, place), *map(str, before.recipients))  # type: ignore[arg-type]
    body = front(before.sender, place) + MESSAGE  # type: ignore[arg-type]
    letter = read(io.BytesIO(body), words)
    assert (before, MESSAGE) == (letter.envelope, letter.message.read())


@given(MAILBOXES | st.just(""), st.lists(MAILBOXES, min_size=1, max_size=4), CHUNKS)
def test_any_envelope_and_message_come_back(address: str, recipients: list[str], chunks: list[bytes]) -> None:
    before = envelope(address, *recipients)
    message = b"Received: x\n" + b"".join(chunks)
    letter = read(io.BytesIO(message), (*leading(before.sender, "argument"), *recipients))
    assert (before, message) == (letter.envelope, letter.message.read())
    if not any(recipient.startswith("-") for recipient in recipients):
        message = b"".join(chunks)
        letter = read(io.BytesIO(front(before.sender, "header") + b"\n" + message), recipients)
        assert (before, b"\n" + message) == (letter.envelope, letter.message.read())


def test_where_nothing_ends_the_options_no_recipient_may_look_like_one() -> None:
    odd = "-oQ/tmp@b.example"
    assert [("-i", "--", odd)] == argument_lists("sendmail", ("-i", "--"), [odd], limit=255)
    for words in ((), ("-i",), ("--", "-i")):
        with pytest.raises(Malformed, match=odd):
            argument_lists("sendmail", words, ["x@b.example", odd], limit=255)


def test_domains_go_out_in_ascii_and_null_as_a_word() -> None:
    odd = envelope("jü@bücher.example")
    assert ("-f", "jü@xn--bcher-kva.example", "--") == leading(odd.sender, "argument")
    assert "Return-Path: <jü@xn--bcher-kva.example>\n".encode() == front(odd.sender, "header")
    assert ("-f", "<>", "--") == leading(ReversePath(""), "argument")
    assert b"Return-Path: <>\n" == front(ReversePath(""), "header")


@pytest.mark.parametrize("words", [("-f", "a@x", "--"), ("-i", "-fa@x"), ("-G",), ("--",), ()])
def test_the_words_before_the_recipients_can_be_had_again(words: tuple[str, ...]) -> None:
    given_words = split_arguments((*words, "x@b.example"))
    again = split_arguments((*given_words.leading(ReversePath("a@x")), *given_words.recipients))
    assert given_words == again


@given(
    st.lists(st.text("ab@ü", min_size=1, max_size=30), min_size=1, max_size=40),
    st.lists(st.text("-f", min_size=1, max_size=10), max_size=3),
)
def test_lists_hold_all_recipients_in_order_and_fit(recipients: list[str], words: list[str]) -> None:
    lists = argument_lists("sendmail", words, recipients, limit=120)
    assert recipients == [word for one in lists for word in one[len(words) :]]
    for one in lists:
        assert words == list(one[: len(words)])
        assert 120 >= len("\0".join(("sendmail", *one)).encode())
    for one, after in itertools.pairwise(lists):
        assert 120 < len("\0".join(("sendmail", *one, after[len(words)])).encode())


def test_exactly_what_fits_goes_into_one_list() -> None:
    assert [("a" * 245, "b")] == argument_lists("handle!", (), ["a" * 245, "b"], limit=255)
    assert [("a" * 246,), ("b",)] == argument_lists("handle!", (), ["a" * 246, "b"], limit=255)


def test_a_recipient_that_is_too_long_alone_is_named() -> None:
    long = "x" * 230 + "@b.example"
    assert [(long,)] == argument_lists("sendmail", (), [long], limit=255)
    with pytest.raises(Malformed, match=long):
        argument_lists("sendmail", ("-f", "joe@a.example", "--"), ["x@b.example", long], limit=255)
