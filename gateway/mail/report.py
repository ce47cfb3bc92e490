"""Delivery status notifications (RFC 3464) about mail that failed or waits, as octets.

A report is ASCII throughout, whatever the addresses and the words in it are, so every MTA
takes it: an address that is not stands there as RFC 6533 3 writes it for such reports, a header
that is not in quoted-printable (RFC 6522 3). Of the message only the header goes back.

Nothing that a peer or a program said can end a line of a report: `one_line` stands before all of it.
"""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message as Part
from email.utils import format_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

from gateway.errors import Malformed
from gateway.stderr import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.mail.envelope import ReversePath

__all__ = ["Failure", "Occasion", "host_of", "one_line", "status_of", "write_report"]

Action = Literal["failed", "delayed"]

MAX_WORDS = 600
"""Characters of what a program said that are passed on."""
MAX_WORD = 200
_WIDTH = 76
_LAST = 253402300799.0
"""[unix s] The end of the year 9999."""
_SUBJECT: dict[Action, str] = {
    "failed": "Mail could not be delivered",
    "delayed": "Mail is delayed and still on its way",
}
_OPENING: dict[Action, str] = {
    "failed": "Your message could not be delivered to:",
    "delayed": "Your message has not been delivered yet, and is still being tried, to:",
}
_WAITING = "Your message has not been sent on yet, and waits here, to be delivered to:"
_CLOSING: dict[Action, str] = {
    "failed": "It is kept here for the operator to look at. Nobody tries it again by himself.",
    "delayed": "There is nothing that you need to do.",
}
_SMTP = re.compile(r"[245]\d\d(?:[ -]|$)")
_ENHANCED = re.compile(r"(?:[245]\d\d[ -])?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_UNFIT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|[^\n]{990}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class Failure(NamedTuple):
    """What became of one recipient: the status (RFC 3463), and why in the words of whoever said so."""

    recipient: str
    status: str
    words: str


class Occasion(NamedTuple):
    """What a report is about; times in unix seconds.

    `host` is who reports, `node` who sent the packet `packet`, `head` the header of the message, as
    far as it is known, `number` distinguishes the reports about one packet, `retry_until` is for delays.
    A message that `waits` was handed in here and waits to be sent: nobody has tried to deliver it.
    `message_id` is that of the message, for what is known of it otherwise than by its header.
    """

    action: Action
    host: str
    node: str
    packet: str
    number: str
    arrived: float
    attempted: float
    head: bytes
    retry_until: float | None = None
    waits: bool = False
    message_id: str = ""


def status_of(words: str, default: str) -> str:
    """Return the enhanced status that a program's words begin with, if it is of the default's class."""
    found = _ENHANCED.match(words.strip())
    return found[1] if found and found[1][0] == default[0] else default


def host_of(name: str) -> str:
    """Return a name as it can stand behind an ``@``, or ``localhost``."""
    return name if len(name) <= 253 and _HOST.fullmatch(name) else "localhost"  # noqa: PLR2004 - RFC 1035


def one_line(words: str) -> str:
    """Return words as one line of printable ASCII that is not longer than a header line may be."""
    return _short(printable(words[: 4 * MAX_WORDS]).encode("ascii", "backslashreplace").decode("ascii"))


def _short(text: str) -> str:
    cut = " ".join(word if len(word) <= MAX_WORD else f"{word[:MAX_WORD]}..." for word in text.split())
    return cut if len(cut) <= MAX_WORDS else f"{cut[:MAX_WORDS]}..."


def write_report(sender: ReversePath, failures: Sequence[Failure], occasion: Occasion) -> bytes:
    """Return the report to `sender` about some recipients of one message, lines ending in LF."""
    whole = Part()
    host = host_of(occasion.host)
    whole["Date"] = _date(occasion.attempted)
    whole["From"] = f"Mail Delivery System <MAILER-DAEMON@{host}>"
    whole["To"] = _mailbox(sender)
    whole["Subject"] = _SUBJECT[occasion.action]
    whole["Message-ID"] = f"<{occasion.action}.{occasion.number}.{occasion.packet}@{host}>"
    if _MESSAGE_ID.fullmatch(occasion.message_id):
        whole["References"] = occasion.message_id
    whole["Auto-Submitted"] = "auto-replied"
    whole["MIME-Version"] = "1.0"
    whole.add_header("Content-Type", "multipart/report", report_type="delivery-status")
    parts: list[Part | str] = [_for_people(failures, occasion), _for_programs(failures, occasion)]
    if occasion.head or not occasion.waits:
        parts.append(_header_of(occasion))
    whole.set_payload(parts)
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, maxheaderlen=_WIDTH).flatten(whole)
    return out.getvalue()


def _for_people(failures: Sequence[Failure], occasion: Occasion) -> Part:
    opening = _WAITING if occasion.waits else _OPENING[occasion.action]
    lines = [f"This is the mail gateway at {host_of(occasion.host)}.", "", opening, ""]
    for failure in failures:
        lines += [f"  <{printable(failure.recipient)}>", *_wrapped(failure.words), ""]
    lines.append(_CLOSING[occasion.action])
    if occasion.waits:
        lines.append(f"It was handed in at {_date(occasion.arrived)}.")
    if occasion.retry_until is not None:
        lines.append(f"It will be tried until {_date(occasion.retry_until)}.")
    return _text("plain", "\n".join([*lines, ""]).encode("utf-8", "replace"), charset="utf-8")


def _wrapped(words: str) -> list[str]:
    text = _short(printable(words[: 4 * MAX_WORDS])) or "no reason given"
    return textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _for_programs(failures: Sequence[Failure], occasion: Occasion) -> Part:
    """Return the part message/delivery-status: one block about the message, one for each recipient."""
    about = Part()
    blocks: list[Part | str] = [about]
    about["Reporting-MTA"] = _mta(occasion.host)
    if not occasion.waits:
        about["Received-From-MTA"] = f"x-nncp; {one_line(occasion.node)}"
    about["Arrival-Date"] = _date(occasion.arrived)
    about["X-Gateway-Packet"] = occasion.packet
    for failure in failures:
        block = Part()
        block["Final-Recipient"] = _typed(failure.recipient)
        block["Action"] = occasion.action
        block["Status"] = failure.status
        block["Diagnostic-Code"] = _diagnostic(failure.words)
        if not occasion.waits:
            block["Last-Attempt-Date"] = _date(occasion.attempted)
        if occasion.retry_until is not None:
            block["Will-Retry-Until"] = _date(occasion.retry_until)
        blocks.append(block)
    part = Part()
    part["Content-Type"] = "message/delivery-status"
    part.set_payload(blocks)
    return part


def _header_of(occasion: Occasion) -> Part:
    head = occasion.head.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    return _text("rfc822-headers", head)


def _text(subtype: str, content: bytes, charset: str | None = None) -> Part:
    """Return a text part, in quoted-printable where mail could not carry it as it is."""
    part = Part()
    part.add_header("Content-Type", f"text/{subtype}", **({"charset": charset} if charset else {}))
    if content.isascii() and not _UNFIT.search(content):
        part["Content-Transfer-Encoding"] = "7bit"
    else:
        import quopri  # noqa: PLC0415 - few reports need it

        part["Content-Transfer-Encoding"] = "quoted-printable"
        content = quopri.encodestring(content)
    part.set_payload(content.decode("ascii"))
    return part


def _mta(host: str) -> str:
    """Return a name with its type: ``dns`` says that it is one of the DNS (RFC 3464 2.1.2)."""
    kind = "dns" if "." in host and host_of(host) == host else "x-local-hostname"
    return f"{kind}; {one_line(host)}"


def _typed(recipient: str) -> str:
    """Return an address with its type (RFC 3464 2.3.2, RFC 6533 3)."""
    if recipient.isascii():
        fits = recipient.isprintable() and len(recipient) <= MAX_WORDS
        return f"rfc822; {recipient if fits else one_line(recipient)}"
    return "utf-8; " + "".join(
        c if c.isascii() and c.isprintable() and c not in " +=\\" else f"\\x{{{ord(c):02X}}}"
        for c in recipient
    )


def _diagnostic(words: str) -> str:
    """Return a program's words with their type: ``smtp`` is for replies (RFC 3464 2.3.6)."""
    text = one_line(words) or "no reason given"
    return f"{'smtp' if _SMTP.match(text) else 'x-gateway'}; {text}"


def _mailbox(sender: ReversePath) -> str:
    """Return the address for the header; one with a local part that is not ASCII as RFC 6857 3.1.5 has it."""
    try:
        address = sender.with_ascii_domain()
    except Malformed:
        address = sender.address
    if address.isascii():
        return f"<{address}>"
    return f"{Header(sender.address, 'utf-8', maxlinelen=_WIDTH - 4).encode()} :;"


def _date(when: float) -> str:
    """Return a time, or the nearest that a calendar has: that of a file can be any."""
    return format_datetime(datetime.fromtimestamp(int(min(max(when, 0.0), _LAST)), UTC))
