"""What ``exim -bS`` prints when it stops at an error, as a value.

stdout, meant for programs::

    501 malformed address: @c> may not follow <a@b
    Transaction started in line 8
    Error detected in line 11
    RCPT TO:<a@b@c>

stderr, the long version, which alone says how many messages went in before::

    1 previous message was successfully processed.

The line numbers are Exim's own count: a carriage return in a body adds a line, an empty body
takes one off. So only their difference within one envelope is used, never their value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHORT = re.compile(
    rb"^(\d{3}) (.*)\nTransaction started in line (\d+)\nError detected in line (\d+)\n?(.*)\Z",
    re.MULTILINE | re.DOTALL,
)
_LONG = re.compile(rb"^(\d+) previous messages? (?:was|were) successfully processed", re.MULTILINE)
_OUT_OF_STEP = {500, 502, 503}


@dataclass(frozen=True, slots=True)
class Report:
    """Why Exim stopped.

    `taken` counts the messages it took before; `line` numbers the line at fault within its
    transaction (1 is MAIL, 2 the first RCPT); `command` is that line, empty if the message
    and not a command was at fault.
    """

    code: int
    text: str
    taken: int
    line: int
    command: str = ""

    @property
    def permanent(self) -> bool:
        """Whether Exim will say the same next time.

        Not for commands that came out of step: that is about the stream, not about the mail.
        """
        return self.code // 100 == 5 and self.code not in _OUT_OF_STEP  # noqa: PLR2004 - SMTP's first digit

    @property
    def recipient(self) -> int | None:
        """The index of the recipient at fault, or None if it was something else."""
        at_fault = self.command[:8].upper() == "RCPT TO:" and self.line > 1
        return self.line - 2 if at_fault else None

    @property
    def too_many(self) -> bool:
        """Whether only the number of recipients was wrong (Exim's `recipients_max`)."""
        return self.code in {452, 552} and "too many recipients" in self.text and bool(self.recipient)

    def words(self) -> str:
        """Return Exim's own words on one line."""
        text = f"{self.code} {self.text}"
        return " ".join((f"{text} ({self.command})" if self.command else text).split())


def read_report(stdout: bytes, stderr: bytes) -> Report | None:
    """Return the report, or None if the output is none or does not say what was taken."""
    short = _SHORT.search(stdout)
    counts = _LONG.findall(stderr)
    if short is None or not counts:
        return None
    code, text, started, detected, command = short.groups()
    return Report(
        code=int(code),
        text=text.decode("utf-8", "replace").strip(),
        taken=int(counts[-1]),
        line=int(detected) - int(started),
        command=command.decode("utf-8", "replace").strip(),
    )
