"""Deliveries to feed, and programs that stand in for Exim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import Delivery, Envelope, Message, Outcome, Recipient, ReversePath

TEXT = b"From: joe@a.example\nSubject: one\n\nhi\n"


def envelope(*recipients: str, sender: str = "joe@a.example") -> Envelope:
    return Envelope(ReversePath(sender), tuple(Recipient(recipient) for recipient in recipients))


def delivery(
    transaction: int,
    *recipients: str,
    command: Sequence[str | Path],
    text: bytes = TEXT,
    sender: str = "joe@a.example",
    timeout: float = 60,
    options: Mapping[str, object] | None = None,
    arguments: tuple[str, ...] = (),
    reopen: bool = True,
) -> Delivery:
    return Delivery(
        envelope=envelope(*recipients, sender=sender),
        message=Message(text),
        transaction=transaction,
        sender_node="bob",
        handle="rsmtp",
        niceness=96,
        packet="PACKET",
        command=tuple(str(word) for word in command),
        arguments=arguments,
        timeout=timeout,
        environ={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        options=options or {},
        reopen=(lambda: Message(text)) if reopen else None,
    )


def script(path: Path, body: str) -> Path:
    """Make an executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def seen(outcomes: list[Outcome]) -> list[tuple[int, str, tuple[str, ...] | None]]:
    """Return transaction, verdict and recipients, in the order of the transactions."""
    found = [
        (o.transaction, o.verdict.value, None if o.recipients is None else tuple(map(str, o.recipients)))
        for o in outcomes
    ]
    return sorted(found, key=lambda one: (one[0], one[1], one[2] or ()))
