"""The ingress: what Postfix's pipe(8) gives to a command, and what a wrong master.cf does."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from gateway_postfix.ingress import PostfixIngress, split_words

from gateway import GatewayError, Malformed, Submission, UsageError

VECTORS = Path(__file__).parents[2] / "vectors/mta"
SAMPLES = sorted(path.stem for path in VECTORS.glob("pipe-*.txt"))
OTHER = ("pipe-py-", "pipe-uucp")
"""Made by a recipe that gives its addresses in a way of its own."""
INGRESS = PostfixIngress(("sendmail",))
TEXT = b"Received: by a.example\nSubject: x\n\nhi\n"
RETURN_PATH = b"Return-Path: <joe@p.example>\n"
FROM_LINE = b"From joe@p.example  Sun Nov 22 13:05:03 2026\n"


def read(data: bytes, *arguments: str) -> tuple[str, tuple[str, ...], bytes]:
    (submission,) = INGRESS.read(arguments, io.BytesIO(data), {"SENDER": "evil@evil.example"})
    assert submission.envelope is not None
    recipients = tuple(map(str, submission.envelope.recipients))
    return str(submission.envelope.sender), recipients, submission.message.read()


def submitted(data: bytes, *arguments: str) -> Submission:
    (submission,) = INGRESS.read(arguments, io.BytesIO(data), {})
    return submission


@pytest.mark.parametrize("name", SAMPLES)
def test_the_message_that_a_real_postfix_wrote_comes_through_to_the_octet(name: str) -> None:
    data = (VECTORS / f"{name}.txt").read_bytes()
    expected = data.split(b"\n", 1)[1] if data.startswith(b"From ") else data
    assert ("", ("x@b.example",), expected) == read(data, "--sender", "", "--", "x@b.example")


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith(OTHER)])
def test_the_envelope_that_a_real_postfix_gave_comes_out(name: str) -> None:
    """Without the flag q, odd recipients come as what is no address, and must not be guessed at."""
    made = json.loads((VECTORS / f"{name}.json").read_text())
    data = (VECTORS / f"{name}.txt").read_bytes()
    sender, recipients = _envelope(made["args"], data)
    arguments = ("--sender", sender, "--", *recipients)
    if any(" " in word and not word.startswith('"') for word in (sender, *recipients)):
        with pytest.raises(Malformed):
            read(data, *arguments)
        return
    null = sender in ("", "MAILER-DAEMON")
    assert ("" if null else sender, tuple(recipients)) == read(data, *arguments)[:2]
    if data.startswith((b"From ", b"Return-Path:")):
        bare = [word for word in recipients if not word.startswith("-")]
        assert ("" if null else sender, tuple(bare)) == read(data, *bare)[:2]


def _envelope(words: list[str], data: bytes) -> tuple[str, list[str]]:
    if "-f" in words:
        at = words.index("-f")
        return words[at + 1], words[words.index("--", at) + 1 :]
    recipients = [word for word in words if "@" in word and not word.startswith("-") and "(" not in word]
    line = data.partition(b"\n")[0].decode()
    if line.startswith("Return-Path: "):
        return line.removeprefix("Return-Path: ")[1:-1], recipients
    if line.startswith("From "):
        return line.removeprefix("From ").rsplit("  ", 1)[0], recipients
    raise AssertionError(words)


def test_an_option_names_the_sender_and_what_stands_in_front_does_not() -> None:
    wanted = ("zoe@a.example", ("x@b.example",))
    arguments = ("--sender", "zoe@a.example", "--", "x@b.example")
    assert (*wanted, TEXT) == read(TEXT, *arguments)
    assert (*wanted, TEXT) == read(FROM_LINE + TEXT, *arguments)
    assert (*wanted, RETURN_PATH + TEXT) == read(RETURN_PATH + TEXT, *arguments)


def test_a_return_path_comes_before_a_from_line_and_both_are_taken_off() -> None:
    other = b"From zoe@p.example  Sun Nov 22 13:05:03 2026\n"
    assert ("joe@p.example", ("x@b.example",), TEXT) == read(RETURN_PATH + TEXT, "x@b.example")
    assert ("joe@p.example", ("x@b.example",), TEXT) == read(FROM_LINE + TEXT, "x@b.example")
    assert ("joe@p.example", ("x@b.example",), TEXT) == read(other + RETURN_PATH + TEXT, "x@b.example")


def test_a_folded_return_path_is_one() -> None:
    data = b"Return-path:\n <joe@p.example>\n" + TEXT
    assert ("joe@p.example", ("x@b.example",), TEXT) == read(data, "x@b.example")


@pytest.mark.parametrize(
    ("front", "options"),
    [
        (b"", ("--sender", "", "--")),
        (b"", ("--sender=", "--")),
        (b"", ("--sender", "<>", "--")),
        (b"", ("--sender", "MAILER-DAEMON", "--")),
        (b"", ("--null-sender", "nobody@p.example", "--sender", "nobody@p.example", "--")),
        (b"Return-Path: <nobody@p.example>\n", ("--null-sender=nobody@p.example", "--")),
        (b"Return-Path: <>\n", ()),
        (b"Return-Path: <MAILER-DAEMON>\n", ()),
        (b"From MAILER-DAEMON  Sun Nov 22 13:05:03 2026\n", ()),
    ],
)
def test_the_null_sender_in_every_guise(front: bytes, options: tuple[str, ...]) -> None:
    submission = submitted(front + TEXT, *options, "x@b.example")
    assert submission.envelope is not None
    assert submission.envelope.sender.is_null
    assert submission.envelope.sender.known
    assert TEXT == submission.message.read()


def test_a_mailer_daemon_with_a_domain_is_somebody() -> None:
    assert (
        "MAILER-DAEMON@a.example" == read(TEXT, "--sender", "MAILER-DAEMON@a.example", "--", "x@b.example")[0]
    )


def test_a_sender_that_nobody_names_is_unknown_and_not_null() -> None:
    submission = submitted(TEXT, "x@b.example")
    assert submission.envelope is not None
    assert not submission.envelope.sender.known
    assert ("x@b.example",) == submission.arguments


@pytest.mark.parametrize("sender", ["-oQ/tmp@a.example", "--node@a.example", "-f@a.example", "--=@a.example"])
def test_a_sender_may_look_like_an_option(sender: str) -> None:
    assert sender == read(TEXT, "--sender", sender, "--", "x@b.example")[0]
    assert sender == read(TEXT, f"--sender={sender}", "--", "x@b.example")[0]


@pytest.mark.parametrize("recipient", ["-x@b.example", "--sender@b.example", "--sender=evil@b.example"])
def test_behind_the_dashes_everything_is_a_recipient(recipient: str) -> None:
    wanted = ("joe@a.example", (recipient, "y@b.example"), TEXT)
    assert wanted == read(TEXT, "--sender", "joe@a.example", "--", recipient, "y@b.example")


@pytest.mark.parametrize(
    "address",
    ["a+ext@b.example", '"b c"@b.example', '"a,b"@b.example', "jürgen@bücher.example", "用户@b.example"],
)
def test_addresses_keep_their_spelling(address: str) -> None:
    assert (address, (address,), TEXT) == read(TEXT, "--sender", address, "--", address)


def test_three_hundred_recipients() -> None:
    names = tuple(f"u{number}@b.example" for number in range(300))
    assert names == read(TEXT, "--sender", "v+u=b.example@a.example", "--", *names)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--sender", "joe@a.example", "--"),
        ("--sender", "joe@a.example"),
        ("--sender",),
        ("--sender", "joe@a.example", "x@b.example"),
        ("--sender", "joe@a.example", "-i", "--", "x@b.example"),
        ("--sender", "joe@a.example", "--sender", "zoe@a.example", "--", "x@b.example"),
        ("--sendr", "joe@a.example", "--", "x@b.example"),
        ("-t", "x@b.example"),
        ("-oi", "-bs"),
        ("-C/tmp/evil", "--", "x@b.example"),
    ],
)
def test_a_mistake_in_master_cf_keeps_the_mail(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as failure:
        read(TEXT, *arguments)
    assert not failure.value.permanent


@pytest.mark.parametrize(
    "recipient",
    ["b c@b.example", "a@x.example, b@x.example", "Joe <a@x.example>", "a@x.example\nb@y.example", ""],
)
def test_what_is_no_single_address_is_never_taken_apart(recipient: str) -> None:
    with pytest.raises(GatewayError):
        read(TEXT, "--sender", "joe@a.example", "--", recipient)


def test_octets_that_are_no_utf_8_are_malformed() -> None:
    with pytest.raises(Malformed):
        read(TEXT, "--sender", "joe@a.example", "--", b"\xff@b.example".decode("utf-8", "surrogateescape"))


def test_words_of_sendmail_pass_as_they_are() -> None:
    words = ("-i", "-f", "joe@a.example", "--", "x@b.example")
    assert (words, frozenset()) == split_words(words)
    assert (("x@b.example",), frozenset()) == split_words(("x@b.example",))
    assert (("--", "x@b.example"), frozenset()) == split_words(("--", "x@b.example"))
