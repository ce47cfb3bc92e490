"""The ingress: what MTAs pipe into uux, and what no rmail can read."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_rmail.ingress import HANDLES, RmailIngress

from gateway import Ingress, Malformed, Truncated, UsageError

VECTORS = Path(__file__).parents[2] / "vectors/mta"
INGRESS = RmailIngress(HANDLES, "here")
BODY = b"Subject: x\n\n.\n"


def read(data: bytes, *arguments: str) -> tuple[str, tuple[str, ...], bytes]:
    (one,) = [
        (submission, submission.message.read())
        for submission in INGRESS.read(arguments, io.BytesIO(data), {"USER": "root"})
    ]
    submission, message = one
    assert submission.envelope is not None
    assert arguments[arguments[:1] == ("--",) :] == submission.arguments
    return str(submission.envelope.sender), tuple(map(str, submission.envelope.recipients)), message


def test_it_is_an_ingress() -> None:
    assert isinstance(INGRESS, Ingress)
    assert ("rmail", ("rmail",), "rmail") == (INGRESS.name, INGRESS.handles, INGRESS.form)


@pytest.mark.parametrize("name", ["default", "uucp"])
def test_what_exim_pipes_is_read(name: str) -> None:
    data = (VECTORS / f"rmail-exim-pipe-{name}.txt").read_bytes()
    _, _, *recipients = json.loads((VECTORS / f"rmail-exim-pipe-{name}.json").read_text())["args"]
    message = data.partition(b"\n")[2]
    assert ("joe@a.example", tuple(recipients), message) == read(data, *recipients)


def test_exims_null_sender_is_the_null_path() -> None:
    data = (VECTORS / "rmail-exim-null.txt").read_bytes()
    assert "" == read(data, "x@far.example")[0]


def test_what_uux_was_given_is_read_without_its_mistake() -> None:
    """uux keeps the body, takes the parentheses off, and is confused by quotes inside them."""
    command = (VECTORS / "rmail-uux-command.txt").read_text()
    assert command.rstrip().endswith(' 0 rmail x@b.example "q r"@b.example)')
    data = (VECTORS / "rmail-uux-data.txt").read_bytes()
    recipients = ("x@b.example", '"q r"@b.example')
    assert recipients == read(data, *(f"({word})" for word in recipients))[1]


@pytest.mark.parametrize("case", ["basic", "bang", "fqdn", "nested"])
@pytest.mark.parametrize("make", ["sendmail", "postfix"])
def test_the_sender_is_the_one_that_a_real_rmail_finds(make: str, case: str) -> None:
    """In domain form, where rmail has the whole path."""
    record = json.loads((VECTORS / f"rmail-{make}-{case}.json").read_text())
    path = next(word[2:] for word in record["sendmail_argv"] if word.startswith("-f"))
    expected = path.rpartition("!")[2]
    if "@" not in expected:
        expected += "@" + path.split("!")[-2]
    assert expected == read((VECTORS / f"rmail-{make}-{case}.in.txt").read_bytes(), "x@b.example")[0]


@pytest.mark.parametrize(
    ("lines", "sender"),
    [
        (b"From joe D remote from a\n", "joe@a"),
        (b"From joe D remote from a\n>From joe D remote from b\n", "joe@b"),
        (b"From b!joe@c.example D remote from a\n", "joe@c.example"),
        (b"From joe D\n", "joe@here"),
        (b'From "j b"@a.example D remote from a\n', '"j b"@a.example'),
        (b"From MAILER-DAEMON D remote from a\n", ""),
        (b"From <> D\n", ""),
        (b"From MAILER-DAEMON@a.example D\n", "MAILER-DAEMON@a.example"),
    ],
)
def test_from_lines_fold_into_the_sender(lines: bytes, sender: str) -> None:
    assert (sender, ("x@b.example",), BODY) == read(lines + BODY, "x@b.example")


@pytest.mark.parametrize(
    ("word", "recipient"),
    [
        ("x@b.example", "x@b.example"),
        ("a!b!x", "x@b"),
        ("a!x@b.example", "a!x@b.example"),
        ("x%c@b.example", "x%c@b.example"),
        ("x%b.example", "x@b.example"),
        ("(x@b.example)", "x@b.example"),
        ('("q r"@b.example)', '"q r"@b.example'),
        ('"; rm -rf /"@b.example', '"; rm -rf /"@b.example'),
    ],
)
def test_a_recipient_comes_in_domain_bang_and_percent_form(word: str, recipient: str) -> None:
    assert (recipient,) == read(b"From joe D remote from a\n" + BODY, word)[1]


@pytest.mark.parametrize(
    "word",
    ["-oQ/tmp", "-C/tmp/x", "--", "-", "", "|cmd", "/etc/passwd", ":include:/etc/passwd", "x@b\ny@c", "()",
     "((x@b.example))", "x\0@b.example", "a b@c.example", "a@b.example, c@d.example", "<>", "a!", "!x"],
)  # fmt: skip
def test_a_word_that_is_no_address_is_permanent(word: str) -> None:
    with pytest.raises(Malformed):
        read(b"From joe D remote from a\n" + BODY, "x@b.example", word)


def test_no_from_line_is_said() -> None:
    with pytest.raises(Malformed, match="no From_ line"):
        read(BODY, "x@b.example")


@pytest.mark.parametrize("data", [b"", b"From joe D", b"From joe D remote from a\n"])
def test_input_that_ends_before_the_message_is_temporary(data: bytes) -> None:
    with pytest.raises(Truncated):
        read(data, "x@b.example")


def test_no_recipients_are_a_mistake_that_a_person_mends() -> None:
    for arguments in ((), ("--",)):
        with pytest.raises(UsageError, match="no recipients"):
            INGRESS.read(arguments, io.BytesIO(b"From joe D\n" + BODY), {})


def test_dashes_in_front_are_no_recipient() -> None:
    assert ("x@b.example",) == read(b"From joe D\n" + BODY, "--", "x@b.example")[1]


def test_importing_the_plugin_loads_next_to_nothing() -> None:
    """Start-up is throughput: the hooks import what they need when they are called."""
    code = (
        "import sys, gateway_rmail, gateway_rmail.ingress;"
        "print(*sorted({'email', 'subprocess', 'click', 'json', 'pathlib', 'gateway.program', 'time',"
        " 'gateway_rmail.egress', 'gateway_rmail.options', 'gateway.mail'} & set(sys.modules) - {'time'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()
