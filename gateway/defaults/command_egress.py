"""The egress ``command``: the body as it came to the configured program, as NNCP does it.

==================================  =========  =============================================
the program                         outcome
==================================  =========  =============================================
exits with 0                        taken      whether or not it read everything
exits with 65, 67, 77               refused    EX_DATAERR, EX_NOUSER, EX_NOPERM: held
exits with anything else            deferred   75 and also 1, 64, 69, 70, 126, 127
is killed by a signal               deferred
overruns its time                   deferred   even if it then exits with 0
cannot be started                   deferred
==================================  =========  =============================================

NNCP tries again whatever the status was, for ever. The three that say that this very
message will not be taken end in the hold instead, with the program's words; nothing is lost
by it, and a person sees it days earlier. What a program prints goes into the outcome's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.egress import OneByOne
from gateway.errors import ConfigError, GatewayError, Refused
from gateway.mta import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

PERMANENT = frozenset({65, 67, 77})
"""Exit statuses by which a program says that no retry can help (sysexits)."""


class CommandEgress(OneByOne):
    """Runs the handle's command for each delivery, message on stdin."""

    name = "command"

    def deliver_one(self, delivery: Delivery) -> str:
        """Run the command with the arguments that its handle lets through.

        Raises:
            Refused: permanent; the program says so (65, 67, 77).
            GatewayError: temporary; it failed in any other way, or there is no command.
        """
        from gateway.program import run_program  # noqa: PLC0415 - only where something is delivered

        if not delivery.command:
            msg = f"handle {delivery.handle!r} of {delivery.sender_node}: no command configured"
            raise GatewayError(msg)
        finished = run_program(
            (*delivery.command, *delivery.arguments),
            stdin=delivery.message,
            environ=delivery.environ,
            timeout=delivery.timeout,
        )
        if finished.ok:
            return finished.words()
        if finished.status in PERMANENT and not finished.timed_out:
            raise Refused(finished.says())
        raise GatewayError(finished.says())

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for options: there are none but those of every handle."""
        if options:
            raise ConfigError([f"exec.{handle}: {key}: unknown key of the egress command" for key in options])
