"""The text of a message between DATA and its dot (RFC 5321 4.5.2), both ways, chunk by chunk.

Where two readers of the same octets could put the end of a message at different places, one
of them can be made to see a transaction that the other did not: SMTP smuggling. So a message
ends here in one way only, what others might take for an end is refused, and what is written
has LF line ends and nothing else.
"""

from __future__ import annotations

import re

from gateway.errors import Malformed

# Regular expressions find these twice as fast as find() does.
_DOT_LINE = re.compile(rb"\n\.")
# As text it is compiled when first used; few messages have a CR.
_LONE_CR = rb"\r(?!\n)"

# What may be the beginning of an end of line or of the end of the text.
_UNDECIDED = re.compile(rb"(?:\r|\r?\n(?:\.\r?)?)\Z")
_UNDECIDED_LENGTH = 4

# Beside a dot, a line end that is not the stream's own.
_LF_TRAP = re.compile(rb"\n\.\r\n")
_CRLF_TRAP = re.compile(rb"\n\.(?:(?<!\r\n\.)|\n)")


class Unstuffer:
    """Takes a stream from behind the DATA line on; gives the message with LF line ends.

    The message ends at a line that is exactly a dot, in the line end of the DATA line
    (`crlf`). A CR alone becomes a line end, as in Exim's own reception, and a dot behind it
    is text. `line` is the number of the line it is at; `rest` is what follows the end, and
    None until that was seen.

    Raises:
        Malformed: permanent; a dot line whose line end is not the stream's.
    """

    __slots__ = ("_end", "_line_end", "_pending", "_trap", "_virtual", "line", "rest")

    def __init__(self, *, crlf: bool, line: int = 1) -> None:
        self._line_end = b"\r\n" if crlf else b"\n"
        self._end = self._line_end + b"." + self._line_end
        self._trap = _CRLF_TRAP if crlf else _LF_TRAP
        # The line end of the DATA line stands in front, so that every line has one before it.
        self._pending = self._line_end
        self._virtual = True
        self.line = line - 1
        self.rest: bytes | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets of the stream; return the next octets of the message."""
        raw = self._pending + chunk
        if not _DOT_LINE.search(raw):
            return self._give(raw, self._settled(raw))
        end = raw.find(self._end)
        stop = end + len(self._line_end) if end >= 0 else self._settled(raw)
        # The trap may reach beyond what is settled, but never beyond the end.
        trap = self._trap.search(raw, 0, end + len(self._end) if end >= 0 else len(raw))
        if trap:
            number = self.line + raw.count(b"\n", 0, trap.start() + 1) + 1
            own, other = ("LF", "CRLF") if self._line_end == b"\n" else ("CRLF", "LF")
            raise Malformed(
                f"line {number}: {other} beside a leading dot, in a message whose line end is {own}: "
                "readers disagree where it ends; write one line end throughout"
            )
        text = self._give(raw, stop, dots=True)
        if end >= 0:
            self.rest = raw[end + len(self._end) :]
            self._pending = b""
            self.line += 1
        return text

    def _give(self, raw: bytes, stop: int, *, dots: bool = False) -> bytes:
        text = raw[:stop]
        self._pending = raw[stop:]
        self.line += text.count(b"\n")
        if dots:
            # No trap: every such dot stands behind the stream's own line end.
            text = text.replace(b"\n.", b"\n")
        text = _lf_only(text)
        if self._virtual and text:
            self._virtual = False
            return text[1:]
        return text

    @staticmethod
    def _settled(raw: bytes) -> int:
        undecided = _UNDECIDED.search(raw, max(0, len(raw) - _UNDECIDED_LENGTH))
        return undecided.start() if undecided else len(raw)


class Stuffer:
    """Takes a message in any line ends; gives its text with LF line ends and stuffed dots.

    CRLF becomes LF, and so does a CR alone; a missing last line end is added. `close` gives
    what is left and the final dot.
    """

    __slots__ = ("_at_line_start", "_had_cr")

    def __init__(self) -> None:
        self._at_line_start = True
        self._had_cr = False

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets of the message; return the next octets of the text."""
        if self._had_cr:
            chunk = b"\r" + chunk
        self._had_cr = chunk.endswith(b"\r")
        if self._had_cr:
            chunk = chunk[:-1]
        return self._stuff(chunk)

    def close(self) -> bytes:
        """Return the rest of the text, up to the line end behind the final dot."""
        text = self._stuff(b"\n") if self._had_cr else b""
        self._had_cr = False
        return text + (b".\n" if self._at_line_start else b"\n.\n")

    def _stuff(self, text: bytes) -> bytes:
        if not text:
            return b""
        text = _lf_only(text)
        leading = b"." if self._at_line_start and text.startswith(b".") else b""
        self._at_line_start = text.endswith(b"\n")
        if _DOT_LINE.search(text):
            text = text.replace(b"\n.", b"\n..")
        return leading + text if leading else text


def _lf_only(text: bytes) -> bytes:
    """Return the text with LF for CRLF and for a CR alone."""
    if b"\r" not in text:
        return text
    if re.search(_LONE_CR, text):
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text.translate(None, b"\r")
