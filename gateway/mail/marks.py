"""The marks a message is known by: its Message-ID, the id its MTA queued it under, and who may be told of it.

Looked for in the header as it passes by; nothing is decoded, nothing can fail.
"""

from __future__ import annotations

LIMIT = 1 << 16
"""Octets of a header that are looked at."""

_LONGEST = 255
_ANSWERING = frozenset(
    (b"auto-submitted", b"content-type", b"list-id", b"list-post", b"list-unsubscribe", b"precedence")
)
"""The fields that `gateway.mail.answerable` goes by."""


class Marks:
    """What the header of one message says; `look` at its octets as they come."""

    __slots__ = ("_head", "answering", "message_id", "queue_id")

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self.message_id = ""
        """As in the header, angle brackets included."""
        self.queue_id = ""
        """What stands behind ``id`` in the first Received field: the last MTA's own."""
        self.answering = ""
        """The fields, a line each, by which it is known whether its sender may be told of a delay."""

    @property
    def complete(self) -> bool:
        """Whether nothing more will be found."""
        return self._head is None

    def look(self, chunk: bytes) -> None:
        """Look at the next octets; those after the header are passed over."""
        if self._head is None:
            return
        head = self._head + chunk if self._head else chunk[:LIMIT]
        lf, crlf = head.find(b"\n\n"), head.find(b"\r\n\r\n")
        end = min((at for at in (lf, crlf) if at >= 0), default=-1)
        if end < 0 and len(head) < LIMIT:
            self._head = head
            return
        self._head = None
        self._read(head[:end] if end >= 0 else head[:LIMIT])

    def end(self) -> None:
        """Say that the message is over: one without a body has no empty line."""
        if self._head:
            head, self._head = self._head, None
            self._read(head)

    def _read(self, head: bytes) -> None:
        received = False
        answering: dict[bytes, str] = {}
        lines = head.split(b"\n")
        for number, line in enumerate(lines):
            name = line.partition(b":")[0].lower()
            if name == b"message-id" and not self.message_id:
                self.message_id = _text(_field(lines, number)[11:])
            elif name == b"received" and not received:
                received = True
                self.queue_id = _queue_id(_field(lines, number))
            elif name in _ANSWERING and name not in answering:
                answering[name] = _text(b" ".join(_field(lines, number).split()))
        if "multipart/report" not in answering.get(b"content-type", "").lower():
            answering.pop(b"content-type", None)
        self.answering = "\n".join(answering.values())


def taken_as(answer: str) -> str:
    """Return the queue id in the words with which an MTA took a message, or nothing.

    Exim says ``OK id=ID``, Postfix ``Ok: queued as ID``, sendmail ``ID Message accepted``.
    """
    words = answer.replace("=", " ").split()
    for number, word in enumerate(words[:-1]):
        following = words[number + 1]
        if (word == "id" or (word == "as" and words[number - 1] == "queued")) and _is_id(following):
            return following.rstrip(".,;")
        if following == "Message" and words[number + 2 : number + 3] == ["accepted"] and _is_id(word):
            return word
    return ""


def _field(lines: list[bytes], number: int) -> bytes:
    """Return a field with its continuation lines as one line."""
    parts = [lines[number].rstrip(b"\r")]
    for line in lines[number + 1 :]:
        if line[:1] not in (b" ", b"\t"):
            break
        parts.append(line.strip())
    return b" ".join(parts)


def _queue_id(received: bytes) -> str:
    words = received.partition(b";")[0].split()
    for number, word in enumerate(words[:-1]):
        if word.lower() == b"id" and not words[number - 1].endswith(b"("):
            found = _text(words[number + 1])
            return found if _is_id(found) else ""
    return ""


def _is_id(word: str) -> bool:
    bare = word.rstrip(".,;").replace("-", "").replace("_", "").replace(".", "")
    return 5 < len(bare) <= 64 and bare.isascii() and bare.isalnum() and any(map(str.isdigit, bare))  # noqa: PLR2004 - lengths of ids


def _text(value: bytes) -> str:
    return value.strip()[:_LONGEST].decode("utf-8", "backslashreplace")
