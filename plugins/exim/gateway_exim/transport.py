"""The pipe transport: what it must say so that no failure of ours bounces a message.

One table feeds both ``gateway exim setup``, which writes it, and ``gateway exim check``,
which compares it with what the running Exim says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TRANSPORT = "gateway_bsmtp"

MAY_BOUNCE = frozenset({0, 65, 77})
"""The statuses by which we say taken, invalid for good, and refused by policy."""

TEMPORARY = (1, 2, *range(64, 79), 120, 126, 127, 137, 139, 143)
"""Statuses that say nothing about the mail: ours, Python's, the loader's and a shell's."""

TEMP_ERRORS = ":".join(str(status) for status in TEMPORARY if status not in MAY_BOUNCE)

TIMEOUT_AT_LEAST = 60.0


class Rule(NamedTuple):
    """One option: its line in the transport, when its value is safe, and why it matters.

    `safe` gets the value as ``exim -bP`` prints it, "yes" or "no" for a switch.
    """

    option: str
    line: str
    safe: Callable[[str], bool]
    why: str


def seconds(text: str) -> float | None:
    """Return a time as Exim prints it (``1h30m``) in seconds, None if it is none."""
    total, digits = 0.0, ""
    for character in text:
        if character.isdigit():
            digits += character
        elif digits and character in "smhdw":
            total += int(digits) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[character]
            digits = ""
        else:
            return None
    return None if digits else total


def _on(value: str) -> bool:
    return value == "yes"


def _off(value: str) -> bool:
    return value in {"no", ""}


def _covers(value: str) -> bool:
    words = {word.strip() for word in value.split(":")}
    return "*" in words or {"1", "2", "75", "127"} <= words


def _keeps_permanent(value: str) -> bool:
    words = {word.strip() for word in value.split(":")}
    return _covers(value) and not words & {"*", "65", "77"}


def has_many(value: str) -> bool:
    """Whether a number is more than one."""
    return value.isdigit() and int(value) > 1


def lasts(value: str) -> bool:
    """Whether a time is longer than we may take."""
    limit = seconds(value)
    return limit is not None and (limit == 0 or limit >= TIMEOUT_AT_LEAST)


RULES = (
    Rule("use_bsmtp", "use_bsmtp", _on, "without it the envelope is lost"),
    Rule("batch_max", "batch_max = 100", has_many, "every recipient would make a packet of its own"),
    Rule(
        "temp_errors",
        f"temp_errors = {TEMP_ERRORS}",
        _covers,
        "Exim bounces on every status but 73 and 75; a missing interpreter ends in 1 or 127",
    ),
    Rule(
        "temp_errors",
        f"temp_errors = {TEMP_ERRORS}",
        _keeps_permanent,
        "65 and 77 say that no retry helps; deferred, such mail would wait for days",
    ),
    Rule("timeout", "timeout = 10m", lasts, "our own deadline must end before Exim's"),
    Rule("timeout_defer", "timeout_defer", _on, "Exim bounces when the time is up"),
    Rule("freeze_signal", "freeze_signal", _on, "Exim bounces when the command is killed"),
    Rule("log_defer_output", "log_defer_output", _on, "the reason of a deferral would not be in mainlog"),
    Rule("return_fail_output", "return_fail_output", _on, "a bounce would not say why"),
    Rule("return_output", "no_return_output", _off, "any output, even with status 0, would be a failure"),
    Rule("ignore_status", "no_ignore_status", _off, "every failure would count as delivered: mail is lost"),
    Rule("use_shell", "no_use_shell", _off, "a shell takes quotes out of addresses"),
    Rule("message_suffix", "message_suffix =", lambda value: not value, "it is written into the message"),
    Rule(
        "max_parallel", "max_parallel =", lambda v: v in {"", "0"}, "messages beyond it wait for a queue run"
    ),
)


def transport_block(*, user: str, command: str) -> str:
    """Return the transport as a block of Exim configuration."""
    return f"""\
# One message, its envelope in front (batch SMTP), into the gateway; at most 100 recipients a
# call. Status 0: it is on the gateway's disk. 65 and 77: it can never be sent. Everything
# else, a time-out and a signal included, leaves it in Exim's queue (a signal freezes it).
{TRANSPORT}:
  debug_print = "T: {TRANSPORT} for $local_part@$domain via $host"
  driver = pipe
  command = {command}
  use_bsmtp
  batch_max = 100
  user = {user}
  initgroups
  home_directory = /
  current_directory = /
  temp_errors = {TEMP_ERRORS}
  timeout = 10m
  timeout_defer
  freeze_signal
  log_defer_output
  log_fail_output
  return_fail_output
.ifdef REMOTE_SMTP_HEADERS_REWRITE
  headers_rewrite = REMOTE_SMTP_HEADERS_REWRITE
.endif
.ifdef REMOTE_SMTP_RETURN_PATH
  return_path = REMOTE_SMTP_RETURN_PATH
.endif
"""
