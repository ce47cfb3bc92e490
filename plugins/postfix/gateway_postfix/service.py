"""The pipe service: its line in ``master.cf``, and what it must say so that no mail is changed or lost.

``gateway postfix setup`` writes it, ``gateway postfix check`` compares it with what is there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SERVICE = "gateway"
"""The service's name: the word before the colon in transport maps."""

TIME_LIMIT = 600
"""Seconds after which Postfix would kill the command and bounce the mail."""
OUR_DEADLINE = 540
"""Seconds after which the command itself gives up, with a status that keeps the mail."""
RECIPIENT_LIMIT = 100

COLUMNS = "-       n       n       -       -"
"""private, unprivileged, chroot, wakeup, maxproc: not chrooted, since the gateway lives outside."""


_LMTP_COLUMNS = "-       -       n       -       -"
SOCKET = "/run/gateway/lmtp.sock"
"""Where the resident process takes LMTP, if nobody says otherwise."""


def service_argv(command: str, config: str | None) -> str:
    """Return the command of the service, with Postfix's macros in it."""
    setting = f" --config {config}" if config else ""
    return f"{command}{setting} submit postfix --node ${{nexthop}} --sender ${{sender}} -- ${{recipient}}"


def service_entry(user: str, argv: str) -> str:
    """Return the entry of ``master.cf`` as one line, as ``postconf -M`` takes it."""
    return f"{SERVICE} unix {' '.join(COLUMNS.split())} pipe flags=q null_sender= user={user} argv={argv}"


def service_block(user: str, argv: str) -> str:
    """Return the entry of ``master.cf`` with a comment, as one writes it there."""
    return (
        "# One message, its sender and its recipients as arguments, into the gateway. Status 0: it is on\n"
        "# the gateway's disk. 65 and 77: it can never be sent. 75 and a signal keep it in the queue.\n"
        f"{SERVICE:<9} unix  {COLUMNS}       pipe\n"
        f"  flags=q null_sender= user={user}\n"
        f"  argv={argv}\n"
    )


def lmtp_entry() -> str:
    """Return the entry of ``master.cf`` that speaks LMTP to the resident process, as one line."""
    return f"{SERVICE} unix {' '.join(_LMTP_COLUMNS.split())} lmtp"


def lmtp_block() -> str:
    """Return the same with a comment, as one writes it there."""
    return (
        "# Mail over LMTP into the gateway, an answer for each recipient: 250 says that it is on the\n"
        "# gateway's disk. Not chrooted, since the socket lies outside.\n"
        f"{SERVICE:<9} unix  {_LMTP_COLUMNS}       lmtp\n"
    )


class Service(NamedTuple):
    """An entry of ``master.cf`` taken apart."""

    chroot: str
    program: str
    attributes: dict[str, str]
    argv: tuple[str, ...]


class Fault(NamedTuple):
    """What is wrong with a service: what it is about, why it matters, and what mends it."""

    subject: str
    why: str
    mend: str


def read_service(entry: str) -> Service | None:
    """Return the parts of an entry as ``postconf -M`` prints it, or None if it is none."""
    columns = entry.split(None, 8)
    if len(columns) < 8:  # noqa: PLR2004 - the columns of master.cf
        return None
    before, _, argv = (columns[8] if len(columns) > 8 else "").partition("argv=")  # noqa: PLR2004 - same
    pairs = (word.partition("=") for word in before.split())
    return Service(
        columns[4], columns[7], {key: value for key, _, value in pairs}, tuple(_plain(argv).split())
    )


def faults(service: Service) -> list[Fault]:
    """Return what is wrong with a pipe service that calls the gateway."""
    found = [Fault("flags", *_FLAGS[flag]) for flag in service.attributes.get("flags", "") if flag in _FLAGS]
    if "q" not in service.attributes.get("flags", ""):
        why = 'without q, "a b"@x becomes a b@x: no address any more, and such mail bounces'
        found.append(Fault("flags", why, "flags=q"))
    if "eol" in service.attributes:
        found.append(Fault("eol", "the lines of the message must end as they are", "leave out eol="))
    if service.chroot != "n":
        why = f"chroot is {service.chroot}: the gateway's program, configuration and spool lie outside"
        found.append(Fault("chroot", why, f"{SERVICE} unix {' '.join(COLUMNS.split())} pipe"))
    return [*found, *_addresses(service)]


def _addresses(service: Service) -> list[Fault]:
    argv = service.argv
    found = []
    if not any("${nexthop}" in word for word in argv):
        found.append(Fault("node", "the node does not come from the route", "--node ${nexthop}"))
    if "${recipient}" not in argv:
        found.append(Fault("recipient", "the recipients do not reach the gateway", "-- ${recipient}"))
    elif "submit" in argv and argv[-2:] != ("--", "${recipient}"):
        why = "recipients must stand behind --, as the last word"
        found.append(Fault("recipient", why, "-- ${recipient}"))
    flags = service.attributes.get("flags", "")
    named = "--sender" in argv or any(word.startswith("--sender=") for word in argv)
    if not named and not {"R", "F"} & set(flags):
        why = "nobody tells the gateway the envelope sender: bounces would be lost"
        found.append(Fault("sender", why, "--sender ${sender}"))
    null = service.attributes.get("null_sender", "")
    if null not in ("", "MAILER-DAEMON", "<>") and not any("--null-sender" in word for word in argv):
        why = f"null_sender={null} looks like somebody's address to the gateway"
        found.append(Fault("null_sender", why, "null_sender="))
    return found


_FLAGS = {
    "u": ("u writes local parts in lower case: Some.Body@x becomes another mailbox", "flags=q"),
    ".": (". doubles the dots of the message, and nobody halves them again", "flags=q"),
    ">": ("> writes into the message: lines that begin with From get a >", "flags=q"),
    "B": ("B adds an empty line to the message", "flags=q"),
    "D": ("D writes into the message, and lets through one recipient at a time", "flags=q"),
    "O": ("O writes into the message, and lets through one recipient at a time", "flags=q"),
    "X": ("X is for a final delivery, which this is not", "flags=q"),
}


def _plain(argv: str) -> str:
    """Return a command with every macro written ``${name}``."""
    return re.sub(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))", lambda m: f"${{{m[1] or m[2] or m[3]}}}", argv)
