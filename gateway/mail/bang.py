"""Addresses as mail programs put them into words: domain form, bang paths (RFC 976), percent form.

A bang path ``a!b!user`` names the first hop first. Where a path has a domain behind its hops,
that address is meant and the hops are only the way to it; where it has none, the last host
becomes the domain: ``b!user`` is ``user@b``, and so is ``user%b``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from gateway.mail import address as syntax
from gateway.mail.envelope import Recipient, ReversePath

__all__ = [
    "NULL_SENDERS",
    "first_hop",
    "next_addresses",
    "recipient",
    "sender",
    "split",
    "to_domain_form",
    "unparenthesized",
]

NULL_SENDERS: Final = frozenset({"", "<>", "MAILER-DAEMON", "<MAILER-DAEMON>"})
"""What stands for the null path where some word must stand; Exim and Postfix write MAILER-DAEMON."""

_HOP = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)!")


def split(path: str) -> tuple[tuple[str, ...], str]:
    """Return the hosts of a path, and what stands behind them."""
    hosts, position = [], 0
    while hop := _HOP.match(path, position):
        hosts.append(hop.group(1))
        position = hop.end()
    return tuple(hosts), path[position:]


def first_hop(path: str) -> str | None:
    """Return the host that a path goes to first, or None where it names none."""
    hosts, _ = split(path)
    return hosts[0] if hosts else None


def next_addresses(words: Iterable[str]) -> dict[Recipient, Recipient]:
    """Return the recipients that words name by a bang path, each with its mailbox at the first host.

    Who passes the mail on looks at the first host alone: ``a!b!user`` goes to a, whatever
    becomes of it there.
    """
    bare = [word for word in map(unparenthesized, words) if syntax.split(word)[1] is None]
    hosts = {recipient(word): host for word in bare if (host := first_hop(word))}
    return {address: Recipient(f"{address.local}@{host}") for address, host in hosts.items()}


def to_domain_form(path: str) -> str:
    """Return the address that a path comes to; without any host it comes back as it is."""
    hosts, user = split(path)
    if syntax.split(user)[1] is not None:
        return user
    if hosts:
        return f"{user}@{hosts[-1]}"
    local, percent, host = user.rpartition("%")
    return f"{local}@{host}" if percent and not user.startswith('"') else user


def recipient(word: str) -> Recipient:
    """Return the recipient that an argument names, in domain, bang or percent form.

    With a domain it is taken as it is spelled: on a command line ``a!b@c.example`` is a
    mailbox of c.example. One pair of parentheses around it is uux's quoting.

    Raises:
        Malformed: permanent; not an address, or one without any host.
    """
    bare = unparenthesized(word)
    return Recipient.parse(bare if syntax.split(bare)[1] is not None else to_domain_form(bare))


def unparenthesized(word: str) -> str:
    """Return a word without the one pair of parentheses by which uux quotes it."""
    return word[1:-1] if word.startswith("(") and word.endswith(")") else word


def sender(
    word: str, *, null_senders: Collection[str] = NULL_SENDERS, host: str | None = None
) -> ReversePath:
    """Return the envelope sender that a word names, in domain, bang or percent form.

    `null_senders` mean the null path. `host` is where a sender belongs that names no host.

    Raises:
        Malformed: permanent; not an address.
    """
    word = word.strip(" \t")
    if word in null_senders:
        return ReversePath("")
    bare = word[1:-1] if word.startswith("<") and word.endswith(">") else word
    if syntax.split(bare)[1] is not None:
        return ReversePath.parse(bare)
    text = to_domain_form(bare)
    if host is not None and syntax.split(text)[1] is None:
        text = f"{text}@{host}"
    return ReversePath.parse(text)
