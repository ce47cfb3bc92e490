"""The rim: words before the command, signals, our own deadline, failures into exit statuses.

The pipe commands (`exec`, `submit`, `lmtp`) are parsed without click and end in 0, 65, 75 or 77
only. Every other command is click's and ends in 0, 1, 2 or 75; until one of them is
recognised a usage error is 75 too, since the word may have been meant for `exec`.
"""

from __future__ import annotations

import os
import sys

from gateway.errors import EX_OK, GatewayError, UsageError, told
from gateway.stderr import say

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from collections.abc import Sequence

PIPE_COMMANDS = ("exec", "submit", "lmtp")
_GLOBAL_VALUES = {"config": "config", "cfg": "config", "spool": "spool", "log": "log"}
_GLOBAL_FLAGS = {"q": True, "quiet": True, "noprogress": False}


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status."""
    try:
        given, command, rest = _before_command(arguments)
        if command in PIPE_COMMANDS:
            return _pipe(command, given, rest)
    except GatewayError as failure:
        say(failure.line())
        return failure.status
    return _operator(given, command, rest)


def _before_command(arguments: Sequence[str]) -> tuple[dict[str, str], str | None, list[str]]:
    """Split ``[--config FILE] [--spool DIR] [--log FILE] [-q] COMMAND …``."""
    given: dict[str, str] = {}
    words = list(arguments)
    while words and words[0].startswith("-") and words[0] not in ("-h", "--help", "--version", "-version"):
        word, has_value, value = words.pop(0).partition("=")
        key = word.lstrip("-")
        if key in _GLOBAL_FLAGS:
            if _GLOBAL_FLAGS[key]:
                given["quiet"] = "yes"
        elif key in _GLOBAL_VALUES:
            if not has_value and not words:
                msg = f"option {word} needs a value: gateway --help"
                raise UsageError(msg)
            given[_GLOBAL_VALUES[key]] = value if has_value else words.pop(0)
        else:
            msg = f"unknown option {word} before the command: gateway --help"
            raise UsageError(msg)
    if not words:
        return given, None, []
    if words[0].startswith("-") and not {*PIPE_COMMANDS}.isdisjoint(words):
        # Status 0 for a page of help would make an MTA forget the mail.
        msg = f"{words[0]} stands alone, or behind the command"
        raise UsageError(msg)
    return given, words[0], words[1:]


def _pipe(command: str, given: dict[str, str], rest: list[str]) -> int:
    if command != "lmtp":
        from gateway.pipe.handover import hand_over  # noqa: PLC0415 - each command pays only for itself

        status = hand_over(command, rest, given)
        if status is not None:
            return status
    from gateway.deadline import Deadline  # noqa: PLC0415 - as above

    with Deadline() as deadline:
        try:
            if command == "lmtp":
                from gateway.pipe import lmtp  # noqa: PLC0415 - as above

                lmtp.run(rest, given, deadline)
            else:
                from gateway.pipe import alone  # noqa: PLC0415 - as above

                alone.run(command, rest, given, deadline)
        except BaseException as failure:  # everything unforeseen is temporary
            if deadline.status == EX_OK:
                say(f"queued, but: {type(failure).__name__}: {failure}")
                return EX_OK
            status, line = told(failure)
            say(line)
            return status
        finally:
            deadline.done()
            _let_go_of_stdout()
    return EX_OK


def _let_go_of_stdout() -> None:
    """Flush what a plugin may have printed; that nobody takes it must not become our status."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as we live


def _operator(given: dict[str, str], command: str | None, rest: list[str]) -> int:
    from gateway.cli import run_command  # noqa: PLC0415 - click stays off the pipe path

    words = rest if command is None else [command, *rest]
    return run_command(words, given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
