"""Whether a message's sender may be told what became of it, so that no two reports chase each other."""

from __future__ import annotations

from email import policy
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING

from gateway.mail.envelope import ReversePath

if TYPE_CHECKING:
    from gateway.mail.message import Message

__all__ = ["HEAD", "head_of", "objection_to_delay", "objection_to_report"]

HEAD = 1 << 15
"""[bytes] What of a header is looked at, and goes back in a report."""
_FROM_MACHINES = frozenset({"auto-generated", "auto-replied", "auto-notified"})
_IN_BULK = frozenset({"bulk", "list", "junk"})
_LISTS = ("List-Id", "List-Post", "List-Unsubscribe")


def head_of(message: Message) -> bytes:
    """Return the header of a message without the empty line, whole lines of it, at most `HEAD` octets."""
    head = b"\n"
    for chunk in message:
        head += chunk[: HEAD - len(head)]
        if b"\n\n" in head or b"\n\r\n" in head or len(head) >= HEAD:
            break
    lines = head.replace(b"\r\n", b"\n")
    end = lines.find(b"\n\n")
    if end < 0:
        end = lines.rfind(b"\n")
    return lines[1 : end + 1]


def objection_to_report(sender: ReversePath, head: bytes) -> str | None:
    """Return why `sender` must not get a report of failure, or None.

    The null path is what every report has (RFC 5321 4.5.5). A few programs answer under another: so
    nobody called MAILER-DAEMON is answered, no report and no automatic answer (RFC 3834 5), and no
    junk. What a list or a machine sends of itself is reported, since its sender is there to be told.
    """
    if sender.is_null:
        return "its sender is the null path"
    if sender.local.strip('"').lower() == "mailer-daemon":
        return f"its sender is {sender}"
    fields = _Fields(head)
    if fields.word("Auto-Submitted") == "auto-replied":
        return "it is an automatic answer"
    if fields.word("Content-Type") == "multipart/report":
        return "it is a report"
    if fields.word("Precedence") == "junk":
        return "its precedence is junk"
    return None


def objection_to_delay(sender: ReversePath, head: bytes) -> str | None:
    """Return why `sender` must not be told of a delay, or None: nobody reads that about bulk mail."""
    fields = _Fields(head)
    if fields.word("Auto-Submitted") in _FROM_MACHINES:
        return "a machine wrote it"
    if fields.word("Precedence") in _IN_BULK or any(map(fields.word, _LISTS)):
        return "it is bulk mail"
    return objection_to_report(sender, head)


class _Fields:
    def __init__(self, head: bytes) -> None:
        self._parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(head)

    def word(self, name: str) -> str:
        """Return what a field begins with, in lower case; nothing where there is none."""
        value = str(self._parsed.get(name, ""))
        return value.partition(";")[0].partition("(")[0].strip().lower()
