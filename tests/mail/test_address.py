from __future__ import annotations

import subprocess
import sys

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.mail import address as syntax
from gateway.mail.address import MAX_LENGTH, check, split, to_ascii

ACCEPTED = [
    "joe@a.example",
    "root@localhost",
    "user@host.local",
    "user@node.nncp",
    "user@mail.test",
    "user@x",
    "user@1.2.3",
    "UPPER.Case@FAR.Example",
    "o'hara+x@far.example",
    "list-bounce+user=example.org@lists.example",
    "a!b!c@x.example",
    "user%far.example@relay.example",
    "*@x.example",
    "a`b|c@x.example",
    "-oQ@x.example",
    "y@[192.0.2.1]",
    "y@[IPv6:2001:db8::1]",
    "y@[ipv6:2001:db8::1]",
    '"q r"@x.example',
    '"a>b"@x.example',
    '"a@b"@x.example',
    '"a\\"b\\\\c"@x.example',
    '"; rm -rf /"@x.example',
    '"dot..dot"@x.example',
    '""@x.example',
    '"-t"@x.example',
    "jürgen@a.example",
    "用户@b.example",
    "x@münchen.example",
    "x@münchen.local",
    "x@MÜNCHEN.example",
    "用户@例え.テスト",
    "x" * 65 + "@x.example",
    "x" * (MAX_LENGTH - 10) + "@x.example",
]

# What email-validator refuses and we do not, because real MTAs take and write it.
LIBERTIES = {
    "a..b@x.example": "Exim and Postfix take several dots for one",
    ".a@x.example": "likewise",
    "a.@x.example": "likewise; some mobile operators gave out such addresses",
    "a@foo_bar.example": "the name of many a host; Postfix takes it, Exim where it is not SMTP",
    "a@_x.example": "likewise",
    "a@foo-.example": "Exim takes it",
    "a@ab--cd.example": "reserved for IDNA, registered before",
    "a@xn--a.example": "no valid Punycode, but only a resolver needs to care",
    "x" * 245 + "@x.example": "255 octets: Exim takes 256",
}

REFUSED = {
    "": "no domain",
    "joe": "no domain",
    "joe@": "no domain name",
    "@x.example": "no local part",
    "a b@x.example": "a blank",
    " a@x.example": "a blank",
    "a@x.example ": "a blank",
    "a@b@c.example": "two @",
    "<a@x.example>": "angle brackets are not part of it",
    "a<b@x.example": "a bracket",
    "a@x>.example": "a bracket",
    "Joe <a@x.example>": "a display name",
    '"Joe" <a@x.example>': "a display name",
    "a,b@x.example": "a list",
    "a@x.example,b@x.example": "a list",
    "a@x.example, b@x.example": "a list",
    "@r.example:z@x.example": "a source route; only a command may bring one",
    "a(b)@x.example": "a comment",
    "a@x.example(b)": "a comment",
    "a;b@x.example": "a special character",
    "a[b@x.example": "a special character",
    "a\\@b@x.example": "RFC 821's quoting, which readers disagree on",
    '"a".b@x.example': "obsolete words (RFC 5322 4.4)",
    '"a@x.example': "no closing quote",
    'a"b"@x.example': "a quote inside",
    '"a"b"@x.example': "a quote inside",
    "a\n@x.example": "a line end",
    "a@x.example\n": "a line end",
    "a@x.example\r\nRCPT TO:<b@x.example>": "a line end",
    '"a\nb"@x.example': "a line end, quoted",
    '"a\\\nb"@x.example': "a line end, escaped",
    "a\0@x.example": "NUL",
    '"a\0b"@x.example': "NUL, quoted",
    '"a\tb"@x.example': "a control character, quoted",
    '"a\x7fb"@x.example': "a control character, quoted",
    "a\u0085b@x.example": "a control character of ISO 8859",
    "a\u2028b@x.example": "a line separator",
    "a\u00a0b@x.example": "a blank of Unicode",
    "a\u202eb@x.example": "a text direction mark",
    "a\udc80b@x.example": "not UTF-8",
    "a@x\udc80.example": "not UTF-8",
    "a@foo..example": "an empty label",
    "a@.example": "an empty label",
    "a@foo.example.": "an empty label",
    "a@-foo.example": "a label that begins with a hyphen; Exim refuses it",
    "a@x!y.example": "no domain name",
    "a@x/y.example": "no domain name",
    "a@*.example": "no domain name",
    "a@" + "l" * 64 + ".example": "a label of 64 octets",
    "a@[x]": "no address literal",
    "a@[192.0.2.300]": "no address literal",
    "a@[192.0.2.1": "no address literal",
    "a@[192.0.2.1]x": "no address literal",
    "a@[IPv6:fe80::1%eth0]": "a zone",
    "a@x\uff1e.example": "its ASCII form has a bracket",
    "x" * (MAX_LENGTH - 9) + "@x.example": "257 octets",
    "ü" * 124 + "@x.example": "258 octets, though fewer characters",
    "x" * 200 + "@" + "ü" * 25 + ".example": "more than 256 octets once the domain is in ASCII",
}


@pytest.mark.parametrize("address", [*ACCEPTED, *LIBERTIES])
def test_what_an_mta_sends_passes(address: str) -> None:
    check(address)


@pytest.mark.parametrize("address", REFUSED, ids=lambda address: f"{REFUSED[address]}-{address[:20]!a}")
def test_what_could_be_read_as_something_else_is_refused(address: str) -> None:
    with pytest.raises(Malformed, match="not an address"):
        check(address)


@pytest.mark.parametrize("address", LIBERTIES)
def test_the_liberties_are_liberties(address: str) -> None:
    with pytest.raises(EmailNotValidError):
        validate_email(address, check_deliverability=False, globally_deliverable=False)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("a@b", ("a", "b")),
        ('"a@b"@c', ('"a@b"', "c")),
        ('"a\\"@b"@c', ('"a\\"@b"', "c")),
        ("y@[192.0.2.1]", ("y", "[192.0.2.1]")),
        ("postmaster", ("postmaster", None)),
        ('"post master"', ('"post master"', None)),
        ("", ("", None)),
    ],
)
def test_split_honours_quotes(address: str, parts: tuple[str, str | None]) -> None:
    assert parts == split(address)


@pytest.mark.parametrize(
    ("domain", "ascii_form"),
    [
        ("Far.Example", "Far.Example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.Example", "xn--mnchen-3ya.example"),
        ("münchen.local", "xn--mnchen-3ya.local"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("foo_bar", "foo_bar"),
    ],
)
def test_domains_in_ascii(domain: str, ascii_form: str) -> None:
    assert ascii_form == to_ascii(domain)


def test_a_long_address_is_not_repeated_whole() -> None:
    with pytest.raises(Malformed) as refusal:
        check("x" * 5000)
    assert len(str(refusal.value)) < 200


_ATOM = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}", fullmatch=True)
_LABEL = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", fullmatch=True)
_PLAIN = st.builds(
    lambda local, domain: f"{'.'.join(local)}@{'.'.join(domain)}",
    st.lists(_ATOM, min_size=1, max_size=4),
    st.lists(_LABEL, min_size=1, max_size=5),
)


@given(_PLAIN)
@example("x" * 64 + "@" + ".".join(["y" * 63] * 2) + "." + "z" * 61)
@example("x" * 64 + "@" + ".".join(["y" * 63] * 2) + "." + "z" * 62)
@example("a@ab--cd.example")
@example("a@xn--a.example")
@example("a@1--2.example")
def test_the_fast_path_accepts_nothing_that_email_validator_refuses(address: str) -> None:
    """Except special-use names (.local, .test, ...), which it refuses whatever the options."""
    if not syntax._PLAIN.match(address):
        return
    local, domain = split(address)
    # The last label shields from that rule; it makes a domain longer, so a long one goes without.
    candidate = f"{local}@{domain}.org" if len(address) < 250 else address
    validate_email(candidate, strict=True, check_deliverability=False, globally_deliverable=False)


_TROUBLE = st.text(
    st.one_of(st.sampled_from('abc.@"\\<>()[]:;, \t\r\n\0-_ü\u202e\udc80'), st.characters()), max_size=40
)


@given(st.one_of(_TROUBLE, st.builds("{}@{}".format, _TROUBLE, _TROUBLE)))
@example("a@x\uff0ey")
@example("a@℀.example")
def test_whatever_passes_is_safe_to_write(text: str) -> None:
    try:
        check(text)
    except Malformed:
        return
    local, domain = split(text)
    assert domain
    assert f"{local}@{domain}" == text
    assert not set(text) & set("\0\r\n\t\x7f")
    assert local.startswith('"') or not set(local) & set(' "(),:;<>@[\\]')
    assert not set(to_ascii(domain)) & set(' "(),;<>@\\')
    assert to_ascii(domain).isascii()


def test_ordinary_mail_loads_no_validator() -> None:
    program = (
        "import sys\n"
        "from gateway.mail.address import check\n"
        "check('joe@a.example'); check('a..b@x_y.local')\n"
        "print('email_validator' in sys.modules or 'idna' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
