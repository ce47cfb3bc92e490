"""The tree of failures; each knows the exit status and the enhanced status it ends in.

::

    GatewayError                75  4.3.0   anything: temporary unless a subclass says otherwise
    ├── Permanent               65  5.6.0   a retry cannot mend it
    │   ├── Malformed           65  5.6.0   input that is invalid or cannot be represented
    │   └── Refused             77  5.7.1   a policy says no
    ├── Truncated               75  4.6.0   input ended early: nothing was accepted
    ├── ConfigError             75  4.3.5   the configuration cannot be used; lists every mistake
    ├── UsageError              75  4.3.5   words on the command line (operator commands exit with 2)
    ├── UnknownNode             75  4.4.4   no such neighbour, or no route to it
    ├── SpoolError              75  4.3.1   the disk or the spool refuses
    │   ├── LockBusy            75  4.3.2   somebody else is at work on it
    │   └── UnknownJob          75  4.3.0   no such packet in the spool
    ├── PluginError             75  4.3.0   a plugin is missing, broken or misbehaves; names it
    ├── ProgramError            75  4.3.0   a program could not be started or overran its time
    ├── Interrupted             75  4.3.2   a signal, or our own deadline
    └── BadPacket               75  4.6.0   a packet that must not be acted on; see `gateway.packet`

The numbers are those of sysexits(3) and RFC 3463. Only what stands under `Permanent` may
ever make an MTA bounce a message.
"""

from __future__ import annotations

from gateway.stderr import printable

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from typing import ClassVar

EX_OK = 0
EX_FAILURE = 1
EX_USAGE_OPERATOR = 2
EX_DATAERR = 65
EX_TEMPFAIL = 75
EX_NOPERM = 77


class GatewayError(Exception):
    """The base of all failures; temporary unless a subclass says otherwise."""

    status: ClassVar[int] = EX_TEMPFAIL
    enhanced: ClassVar[str] = "4.3.0"

    @property
    def permanent(self) -> bool:
        """Whether a retry of the same input can never succeed."""
        return self.status != EX_TEMPFAIL

    def line(self) -> str:
        """Return the one line for stderr: enhanced status, then the text as one printable line."""
        return f"{self.enhanced} {printable(str(self)) or type(self).__name__}"


class Permanent(GatewayError):
    """A retry of the same input cannot succeed."""

    status = EX_DATAERR
    enhanced = "5.6.0"


class Malformed(Permanent):
    """The input is invalid or cannot be represented, for good."""


class Refused(Permanent):
    """A policy says no."""

    status = EX_NOPERM
    enhanced = "5.7.1"


class Truncated(GatewayError):
    """The input ended before its own end mark, so nothing of it was accepted."""

    enhanced = "4.6.0"


class ConfigError(GatewayError):
    """The configuration cannot be used; `mistakes` lists every one as ``file: key: text``."""

    enhanced = "4.3.5"

    def __init__(self, mistakes: str | list[str] | tuple[str, ...]) -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        more = f" (and {len(self.mistakes) - 1} more: gateway config check)" if len(self.mistakes) > 1 else ""
        super().__init__((self.mistakes[0] if self.mistakes else "configuration cannot be used") + more)


class UsageError(GatewayError):
    """Words on the command line that make no sense; operator commands exit with 2."""

    enhanced = "4.3.5"


class UnknownNode(GatewayError):
    """No such neighbour, or no route to it."""

    enhanced = "4.4.4"


class SpoolError(GatewayError):
    """The disk or the spool refuses; nothing was promised."""

    enhanced = "4.3.1"


class LockBusy(SpoolError):
    """Another process holds the lock; nothing was touched."""

    enhanced = "4.3.2"


class UnknownJob(SpoolError):
    """No such packet in the spool, or it went away while we looked."""

    enhanced = "4.3.0"


class PluginError(GatewayError):
    """A plugin is missing, broken or misbehaves; the text begins with its name."""


class ProgramError(GatewayError):
    """A program could not be started, or overran its time."""


class Interrupted(GatewayError):
    """A signal or our own deadline ended the work before anything was promised."""

    enhanced = "4.3.2"


class BadPacket(GatewayError):
    """A packet that must not be acted on; the subclasses in `gateway.packet` say why.

    Toss sets such a job aside with its reason; it is never delivered and never deleted.
    `code` is a stable word for the reason.
    """

    enhanced = "4.6.0"
    code: ClassVar[str] = "bad-packet"


def told(failure: BaseException) -> tuple[int, str]:
    """Return status and line for stderr of whatever was raised: what nobody foresaw is temporary."""
    if isinstance(failure, GatewayError):
        return failure.status, failure.line()
    return EX_TEMPFAIL, printable(f"4.3.0 {type(failure).__name__}: {failure}")
