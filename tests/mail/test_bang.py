from __future__ import annotations

import pytest

from gateway.errors import Malformed
from gateway.mail import bang


@pytest.mark.parametrize(
    ("path", "hosts", "user"),
    [
        ("joe", (), "joe"),
        ("a!joe", ("a",), "joe"),
        ("a!b.example!joe@c.example", ("a", "b.example"), "joe@c.example"),
        ('a!"j!b"@c.example', ("a",), '"j!b"@c.example'),
        ('"a!b"', (), '"a!b"'),
        ("!joe", (), "!joe"),
        ("a!!joe", ("a",), "!joe"),
        ("a!", ("a",), ""),
        ("-x!joe", (), "-x!joe"),
    ],
)
def test_hosts_come_first(path: str, hosts: tuple[str, ...], user: str) -> None:
    assert (hosts, user) == bang.split(path)
    assert bang.first_hop(path) == (hosts[0] if hosts else None)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("a!b!joe", "joe@b"),
        ("alpha!joe@a.example", "joe@a.example"),
        ("joe%b.example", "joe@b.example"),
        ("joe%c%b", "joe%c@b"),
        ("a!joe%b", "joe%b@a"),
        ("joe%host@relay.example", "joe%host@relay.example"),
        ('"joe%b"', '"joe%b"'),
        ("joe", "joe"),
    ],
)
def test_the_last_host_becomes_the_domain(path: str, address: str) -> None:
    assert address == bang.to_domain_form(path)


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("x@b.example", "x@b.example"),
        ("(x@b.example)", "x@b.example"),
        ('("q r"@b.example)', '"q r"@b.example'),
        ("c!d!user", "user@d"),
        ("user%host@relay", "user%host@relay"),
        ("user%host", "user@host"),
        ("a!b!c@quoted.example", "a!b!c@quoted.example"),
        ("postmaster", "postmaster"),
        ("ü@b.example", "ü@b.example"),
    ],
)
def test_a_recipient_in_any_form(word: str, address: str) -> None:
    assert address == bang.recipient(word).address


@pytest.mark.parametrize("word", ["", ",x", "joe", "a!", "a!b c", "(x", "a@b, c@d", "Foo <a@b.example>", "-"])
def test_what_is_no_recipient(word: str) -> None:
    with pytest.raises(Malformed):
        bang.recipient(word)


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("joe@a.example", "joe@a.example"),
        ("<joe@a.example>", "joe@a.example"),
        ("<@r.example:joe@a.example>", "joe@a.example"),
        ("a!b@c.example", "a!b@c.example"),
        ("a!b", "b@a"),
        ("joe", "joe@here"),
        ("", ""),
        ("<>", ""),
        ("MAILER-DAEMON", ""),
        ("MAILER-DAEMON@a.example", "MAILER-DAEMON@a.example"),
        ("mailer-daemon", "mailer-daemon@here"),
    ],
)
def test_a_sender_in_any_form(word: str, address: str) -> None:
    assert address == bang.sender(word, host="here").address


def test_what_means_the_null_path_is_the_callers_to_say() -> None:
    assert "MAILER-DAEMON@here" == bang.sender("MAILER-DAEMON", null_senders={"<>"}, host="here").address
    with pytest.raises(Malformed, match="no domain"):
        bang.sender("MAILER-DAEMON", null_senders={"<>"})


def test_the_next_address_of_a_path_is_at_its_first_host() -> None:
    words = ["a!b!joe", "(c!joe)", "a!joe@c.example", "joe%d", "joe@e", 'a!b!"j x"@f.example']
    found = {str(before): str(after) for before, after in bang.next_addresses(words).items()}
    assert {"joe@b": "joe@a", "joe@c": "joe@c"} == found
