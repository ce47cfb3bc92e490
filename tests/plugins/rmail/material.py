"""Deliveries to hand over, and programs that stand in for sendmail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway_rmail.egress import RmailEgress
from gateway_rmail.options import Options

from gateway import Delivery, Envelope, Message, Outcome, Recipient, ReversePath

TEXT = b"From: joe@a.example\nSubject: one\n\n.\nFrom here\nhi\n"


def delivery(
    *recipients: str,
    command: Sequence[str | Path] = (),
    text: bytes = TEXT,
    sender: ReversePath | str = "joe@a.example",
    transaction: int = 0,
    timeout: float = 60,
    words: tuple[str, ...] = (),
    reopen: bool = True,
    **options: object,
) -> Delivery:
    return Delivery(
        envelope=Envelope(
            ReversePath(sender) if isinstance(sender, str) else sender, tuple(map(Recipient, recipients))
        ),
        message=Message(text),
        transaction=transaction,
        sender_node="alpha",
        handle="rmail",
        niceness=96,
        packet="PACKET",
        command=tuple(map(str, command)),
        timeout=timeout,
        environ={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        options=options,
        reopen=(lambda: Message(text)) if reopen else None,
        words=words,
    )


def deliver(*deliveries: Delivery, **plugin: object) -> list[Outcome]:
    egress = RmailEgress(Options()._replace(**plugin))  # type: ignore[arg-type]
    return list(egress.deliver(deliveries))


def seen(outcomes: Sequence[Outcome]) -> list[tuple[int, str, tuple[str, ...] | None]]:
    """Return transaction, verdict and recipients."""
    return [
        (o.transaction, o.verdict.value, None if o.recipients is None else tuple(map(str, o.recipients)))
        for o in outcomes
    ]


def script(path: Path, body: str) -> Path:
    """Make an executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
