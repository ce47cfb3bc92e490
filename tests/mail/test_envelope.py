from __future__ import annotations

import pytest

from gateway.errors import Malformed
from gateway.mail.envelope import Envelope, Recipient, ReversePath


def test_an_address_keeps_its_spelling() -> None:
    recipient = Recipient.parse("<Joe.B@FAR.Example>")
    assert str(recipient) == "Joe.B@FAR.Example"
    assert recipient.path == "<Joe.B@FAR.Example>"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<x@b.example>", "x@b.example"),
        ("x@b.example", "x@b.example"),
        (" \t<x@b.example>  ", "x@b.example"),
        ("< x@b.example >", "x@b.example"),
        ('<"a>b"@b.example>', '"a>b"@b.example'),
        ("<@r.example:z@b.example>", "z@b.example"),
        ("<@r.example,@s.example:z@b.example>", "z@b.example"),
        ("<postmaster>", "postmaster"),
        ("POSTmaster", "POSTmaster"),
    ],
)
def test_what_a_command_may_name(text: str, address: str) -> None:
    assert address == Recipient.parse(text).address


@pytest.mark.parametrize(
    "text", ["", "<>", "<x@b.example", "x@b.example>", "<<x@b.example>>", "joe", "a@b\n", "<a@b> x"]
)
def test_what_is_no_recipient(text: str) -> None:
    with pytest.raises(Malformed):
        Recipient.parse(text)


@pytest.mark.parametrize("make", [Recipient, ReversePath])
def test_making_one_is_the_validation(make: type[Recipient | ReversePath]) -> None:
    with pytest.raises(Malformed):
        make("a b@c")


@pytest.mark.parametrize("text", ["<>", "", " <> "])
def test_the_null_sender(text: str) -> None:
    sender = ReversePath.parse(text)
    assert sender.is_null
    assert str(sender) == ""
    assert sender.path == "<>"
    assert sender.domain is None
    assert sender == ReversePath("")


def test_a_sender_is_not_null_and_a_bare_postmaster_is_none() -> None:
    assert not ReversePath("MAILER-DAEMON@a.example").is_null
    with pytest.raises(Malformed):
        ReversePath("postmaster")


@pytest.mark.parametrize(
    ("address", "local", "domain", "ascii_domain", "written"),
    [
        ("x@b.example", "x", "b.example", "b.example", "x@b.example"),
        ('"a@b"@c', '"a@b"', "c", "c", '"a@b"@c'),
        ("postmaster", "postmaster", None, None, "postmaster"),
        ("ü@b.example", "ü", "b.example", "b.example", "ü@b.example"),
        ("ü@ü.example", "ü", "ü.example", "xn--tda.example", "ü@xn--tda.example"),
        ("y@[192.0.2.1]", "y", "[192.0.2.1]", "[192.0.2.1]", "y@[192.0.2.1]"),
    ],
)
def test_the_parts_of_a_recipient(
    address: str, local: str, domain: str | None, ascii_domain: str | None, written: str
) -> None:
    recipient = Recipient(address)
    assert (local, domain) == (recipient.local, recipient.domain)
    assert ascii_domain == recipient.ascii_domain()
    assert written == recipient.with_ascii_domain()


def test_sender_and_recipient_are_different_things() -> None:
    assert ReversePath("x@b.example") != Recipient("x@b.example")


def test_an_envelope_needs_a_recipient() -> None:
    with pytest.raises(Malformed):
        Envelope(ReversePath(""), ())


def test_an_envelope_takes_no_bare_strings() -> None:
    with pytest.raises(TypeError):
        Envelope(ReversePath(""), ("x@b.example",))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Envelope("", (Recipient("x@b.example"),))  # type: ignore[arg-type]


def test_an_envelope_cannot_be_changed() -> None:
    envelope = Envelope(ReversePath(""), [Recipient("x@b.example")])  # type: ignore[arg-type]
    assert envelope.recipients == (Recipient("x@b.example"),)
    with pytest.raises(AttributeError):
        envelope.sender = ReversePath("x@b.example")  # type: ignore[misc]
    with pytest.raises(AttributeError):
        envelope.recipients[0].address = "y@b.example"  # type: ignore[misc]
