"""What the end of a sendmail, or of an rmail, means for the message it was given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gateway import Verdict

if TYPE_CHECKING:
    from gateway import Finished

REFUSING = frozenset({65, 67, 68})
"""Statuses by which a sendmail says that this message is at fault: EX_DATAERR, EX_NOUSER, EX_NOHOST."""

# Exim ends in 1 and Postfix in 75 for all that is wrong: only their words tell.
_REFUSING_WORDS = re.compile(
    r"message (?:file )?too big|message size exceeds|rejected by non-SMTP ACL"
    r"|bad (?:recipient|-f) address",
    re.IGNORECASE,
)
_BAD_RECIPIENT = re.compile(r'bad recipient address "(.+)": ')
_TOO_MANY = "too many recipients"
_HIDDEN_FAILURE = re.compile(rb"terminated with (\d+) \(non-zero\) status|did not terminate normally")


class Ending(NamedTuple):
    """What became of one call: a verdict and words.

    `bad` is the recipient, as the program shows it, on whose account nobody got the message;
    `too_many` says that fewer recipients would be taken.
    """

    verdict: Verdict
    text: str = ""
    bad: str | None = None
    too_many: bool = False


def ending(finished: Finished, *, whole: bool) -> Ending:
    """Judge by status and words; what is not understood is deferred.

    `whole` tells whether the program read all of its input.
    """
    words = finished.words()
    if finished.timed_out or finished.signal is not None:
        return Ending(Verdict.DEFERRED, finished.says())
    status, says = finished.status, finished.says()
    if status == 0:
        hidden = _HIDDEN_FAILURE.search(finished.stderr)
        if hidden is None:
            return (
                Ending(Verdict.TAKEN, words)
                if whole
                else Ending(Verdict.DEFERRED, "exit status 0, but the input was not read to its end")
            )
        status, says = int(hidden.group(1) or 0), f"exit status 0 in spite of: {words}"
    bad = _BAD_RECIPIENT.search(words)
    refused = status in REFUSING or _REFUSING_WORDS.search(words)
    return Ending(
        Verdict.REFUSED if refused else Verdict.DEFERRED,
        says,
        bad.group(1) if bad else None,
        too_many=_TOO_MANY in words,
    )
