"""The pipe commands as click has them: for lists, completion and manual pages; nothing here runs them."""

from __future__ import annotations

from collections.abc import Iterable

import click

from gateway.cli.names import HANDLE, NODE
from gateway.cli.types import NICENESS

_FLAGS = (
    (("--nice",), "N", "how urgent the packet is: 1..255, FLASH, PRIORITY, NORMAL, BULK [PRIORITY]"),
    (("--reply-nice",), "N", "the same for what the far side may answer [BULK]"),
    (("--min-size",), "KIB", "pad the packet to that size"),
    (("--max-size",), "KIB", "no larger packet: status 65"),
    (("--via",), "A,B", "by these relays, first hop first; -: directly [`via` of the neighbour]"),
    (("--config", "--cfg"), "FILE", "configuration, as before the command"),
    (("--spool",), "DIR", "spool, in place of the configuration's"),
    (("--log",), "FILE", "log, in place of the configuration's"),
)
_SWITCHES = (
    (("--no-compress",), "do not compress the body"),
    (
        ("-q", "--quiet", "--progress", "--noprogress", "--debug"),
        "taken, and without effect: success is silent",
    ),
)
_ENDS = """

Status 0: it is on the disk. 65 and 77: it can never be sent. 75: try again. Flags may be written
with one dash or two."""
_EXEC = f"""Queue standard input for HANDLE at NODE, in nncp-exec's place.

An MTA's pipe command: the envelope is read from standard input, or from ARG, as the ingress for
that handle does.{_ENDS}"""
_SUBMIT = f"""Queue the mail on standard input, as INGRESS reads it.

Recipients are routed by the routing table, or go to --node. ARG goes to the ingress.{_ENDS}"""
_LMTP = """Take mail over LMTP on standard input and standard output.

The answer 250 behind the dot: it is on the disk, for that recipient. 4xx: try again. 5xx: it can
never be sent."""


def pipe_command(name: str, short: str) -> click.Command:
    """Return the description of a pipe command."""
    node = click.Option(["--node"], metavar="NODE", type=NODE, help="all of it to this node, without routing")
    arguments = click.Argument(["argument"], metavar="[ARG]...", nargs=-1)
    words: dict[str, list[click.Parameter]] = {
        "exec": [
            click.Option(["--raw"], is_flag=True, help="send the input as it is, whatever the handle"),
            click.Argument(["node"], type=NODE),
            click.Argument(["handle"], type=HANDLE),
            arguments,
        ],
        "submit": [node, click.Argument(["ingress"]), arguments],
        "lmtp": [node],
    }
    text = {"exec": _EXEC, "submit": _SUBMIT, "lmtp": _LMTP}[name]
    return click.Command(name, params=[*_flags(), *words[name]], help=text, short_help=short)


def _flags() -> Iterable[click.Parameter]:
    for names, metavar, words in _FLAGS:
        kind = NICENESS if metavar == "N" else None
        yield click.Option(names, metavar=metavar, type=kind, help=words)
    for switches, words in _SWITCHES:
        yield click.Option([*switches, switches[0].strip("-").replace("-", "_")], is_flag=True, help=words)
