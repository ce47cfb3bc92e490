"""Deliveries to feed, and programs that stand in for sendmail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import Delivery, Envelope, Message, Outcome, Recipient, ReversePath

TEXT = b"From: joe@a.example\nSubject: one\n\nhi\n"


def delivery(
    *recipients: str,
    command: Sequence[str | Path],
    transaction: int = 0,
    text: bytes = TEXT,
    sender: str | ReversePath = "joe@a.example",
    timeout: float = 60,
    options: Mapping[str, object] | None = None,
    reopen: bool = True,
) -> Delivery:
    path = ReversePath(sender) if isinstance(sender, str) else sender
    return Delivery(
        envelope=Envelope(path, tuple(Recipient(recipient) for recipient in recipients)),
        message=Message(text),
        transaction=transaction,
        sender_node="bob",
        handle="sendmail",
        niceness=96,
        packet="PACKET",
        command=tuple(str(word) for word in command),
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
    """Return transaction, verdict and recipients, in the order in which they were told."""
    return [
        (o.transaction, o.verdict.value, None if o.recipients is None else tuple(map(str, o.recipients)))
        for o in outcomes
    ]
