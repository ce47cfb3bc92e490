"""The words behind `exec` and `submit`; whoever hands them over has to know no more of them."""

from __future__ import annotations

from gateway.errors import UsageError
from gateway.request.flags import parse

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE = {
    "exec": "gateway exec [FLAG…] [--raw] NODE HANDLE [ARG…]",
    "submit": "gateway submit INGRESS [--node NODE] [FLAG…] [-- ARG…]",
}
VALUES = {
    "config": "config",
    "cfg": "config",
    "spool": "spool",
    "log": "log",
    "nice": "nice",
    "replynice": "replynice",
    "minsize": "minsize",
    "maxsize": "maxsize",
    "via": "via",
}
SWITCHES = {
    "nocompress": "nocompress",
    "q": "quiet",
    "quiet": "quiet",
    "progress": "progress",
    "noprogress": "noprogress",
    "debug": "debug",
}
ABOUT = ("-h", "-help", "--help", "-version", "--version", "-warranty", "--warranty")
"""Words that, alone, ask what the command is."""


def split(
    command: str, words: Sequence[str], before: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Return flags by name, ``node``, ``handle`` and ``ingress`` as far as they are given, and arguments.

    `before` are the flags before the command; those behind it win.

    Raises:
        UsageError: temporary; names the flag, or what is missing.
    """
    given, named, arguments = (_exec if command == "exec" else _submit)(words)
    return {**before, **given}, named, arguments


def _exec(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    given, rest = parse(words, VALUES, {**SWITCHES, "raw": "raw"})
    if len(rest) < 2:  # noqa: PLR2004 - NODE and HANDLE
        msg = f"NODE and HANDLE are missing: {USAGE['exec']}"
        raise UsageError(msg)
    node, handle, *arguments = rest
    if not handle:
        msg = f"HANDLE is empty: {USAGE['exec']}"
        raise UsageError(msg)
    named = {"node": node, "handle": handle}
    if "raw" in given:
        named["ingress"] = "raw"
    return given, named, tuple(arguments)


def _submit(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Read the words of `submit`.

    From the first word after INGRESS that is not a flag of ours, all goes to the ingress:
    an envelope sender there must never be read as a flag of ours, however it is spelled.
    """
    values = {**VALUES, "node": "node"}
    given, rest = parse(words, values, SWITCHES)
    if not rest:
        msg = f"INGRESS is missing: {USAGE['submit']}"
        raise UsageError(msg)
    named = {"ingress": rest.pop(0)}
    more, arguments = parse(rest, values, SWITCHES, stop_at_unknown=True)
    given |= more
    if "node" in given:
        named["node"] = given["node"]
    return given, named, tuple(arguments)
