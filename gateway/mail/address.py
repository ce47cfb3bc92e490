"""Which text is an address, decided as Exim and Postfix decide it (RFC 5321 4.1.2, RFC 6531 3.3).

Addresses arrive from an MTA that has already accepted them, and a refusal here is a bounce.
So what is harmless passes, spelled as it came (``a..b@x``, ``a@foo_bar.example``,
``root@localhost``), and only what could be read as something else is refused: control
characters, unquoted blanks and brackets, lengths that no MTA takes. Nothing asks the DNS.

A strict ASCII pattern settles nearly all mail; email-validator, slow to import, judges
quoted and non-ASCII local parts, address literals and internationalised domains.
"""

from __future__ import annotations

import re

from gateway.errors import Malformed

MAX_LENGTH = 256
"""Octets of an address, without angle brackets; Exim takes no more."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@.{{1,189}}\Z){_ATEXT}+(?:\.{_ATEXT}+)*@{_LABEL}(?:\.{_LABEL})*\Z")

# These, as text, are compiled when first used: nearly all mail never asks them.
_DOT_STRING = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+\Z"
_QUOTED = r'(?s:"(?:[^"\\]|\\.)*")'
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\Z"
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"
_SHOWN = 80


def check(address: str) -> None:
    """Refuse what is not a mailbox: local part, ``@``, domain; no angle brackets.

    Raises:
        Malformed: permanent; the text says what is wrong with which address.
    """
    if _PLAIN.match(address):
        return
    if re.search(_CONTROL, address):
        raise _refusal(address, "it holds a control character")
    if _octets(address) > MAX_LENGTH:
        raise _refusal(address, f"it is longer than {MAX_LENGTH} octets")
    local, domain = split(address)
    if domain is None:
        raise _refusal(address, "it has no domain")
    if not local:
        raise _refusal(address, "it has no local part")
    if not re.match(_DOT_STRING, local):
        _judge(address, f"{local}@x.org", empty_local=local == '""')
    if not re.match(_HOST, domain) and _octets(f"{local}@{to_ascii(domain)}") > MAX_LENGTH:
        raise _refusal(address, f"with its domain in ASCII it is longer than {MAX_LENGTH} octets")


def split(address: str) -> tuple[str, str | None]:
    """Return local part and domain as written; a domain of None if there is no ``@``."""
    quoted = re.match(_QUOTED, address)
    if quoted and (quoted.end() == len(address) or address[quoted.end()] == "@"):
        local, rest = quoted.group(), address[quoted.end() :]
        return local, rest[1:] if rest else None
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, None)


def to_ascii(domain: str) -> str:
    """Return the domain with A-labels for U-labels (RFC 5891); ASCII comes back as it is.

    Raises:
        Malformed: permanent; it is no domain name and no address literal.
    """
    if re.match(_HOST, domain):
        return domain
    if domain.startswith("["):
        _judge(domain, f"x@{domain}")
        return domain
    if domain.isascii():
        raise _refusal(domain, "it is no domain name")
    # A neutral last label: email-validator refuses .local, .test and their like, whatever the
    # options, and those are the names that private links use.
    _judge(domain, f"x@{domain}.org")
    import idna  # noqa: PLC0415 - rare, and slow to import

    try:
        text = idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise _refusal(domain, str(error)) from error
    if not re.match(_HOST, text):
        raise _refusal(domain, "it has no ASCII form that is a domain name")
    return text


def _judge(shown: str, candidate: str, *, empty_local: bool = False) -> None:
    """Ask email-validator about the part that ours does not settle."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - rare, and slow to import

    try:
        validate_email(
            candidate,
            allow_smtputf8=True,
            allow_empty_local=empty_local,
            allow_quoted_local=True,
            allow_domain_literal=True,
            allow_display_name=False,
            check_deliverability=False,
            globally_deliverable=False,
        )
    except (EmailNotValidError, UnicodeError) as error:
        raise _refusal(shown, str(error)) from error


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _refusal(address: str, reason: str) -> Malformed:
    shown = address if len(address) <= _SHOWN else address[:_SHOWN] + "..."
    return Malformed(f"not an address: {shown!r}: {reason}")
