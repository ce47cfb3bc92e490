"""What is to be set up on the side of an MTA: what the plans for all of them have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from gateway.errors import UsageError
from gateway.mtasetup.routes import neighbour_heading, nodes_of

__all__ = ["MtaPlan"]

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATH = re.compile(r"/[A-Za-z0-9._+/@%,=-]*")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaPlan:
    """What is to be set up; the plan for one MTA says how it writes domains, and adds what it needs.

    `node` gets everything that is not local and has no route; `routes` are (domain, node) pairs,
    the domain in the MTA's way. `user` and `command` are the gateway's, as the MTA will call it.

    Raises:
        UsageError: a word that the MTA or a shell would read as something else, or no way to any node.
    """

    DOMAIN: ClassVar[re.Pattern[str]]
    """How the MTA writes a domain, and all below one."""
    PLACE: ClassVar[str] = "an MTA's configuration"
    """Where the words are going to stand."""

    user: str
    command: str
    handle: str
    node: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    config: str | None = None
    sendmail: str = "/usr/sbin/sendmail"
    send: bool = True
    receive: bool = True

    def __post_init__(self) -> None:
        for what, text, pattern in self._words():
            if text is not None and not pattern.fullmatch(text):
                relative = pattern is _PATH and not text.startswith("/")
                advice = "; give the whole path, from / on" if relative else ""
                msg = f"{what} {text!r}: cannot stand in {self.PLACE}{advice}"
                raise UsageError(msg)
        ways = self.ways()
        if self.send and not any(ways.values()):
            *others, last = ways
            msg = f"name the node that gets the mail: {', '.join(others)} or {last}"
            raise UsageError(msg)

    def paths(self) -> Mapping[str, str | None]:
        """Return every path that is going to stand there, by what it is of."""
        return {"command": self.command, "sendmail": self.sendmail, "configuration": self.config}

    def ways(self) -> Mapping[str, object]:
        """Return what was said of where mail goes, by option; one of them is needed to send."""
        return {"--node": self.node, "--route": self.routes}

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes named, each once."""
        return nodes_of(self.routes, self.node)

    @property
    def gateway(self) -> str:
        """The gateway's program and what stands in front of its command's name."""
        return f"{self.command} --config {self.config}" if self.config else self.command

    def exec_line(self, egress: str, *arguments: str) -> str:
        """Return the line that has a neighbour's mail handed to an egress (TOML)."""
        words = ", ".join(f'"{word}"' for word in (self.sendmail, *arguments))
        return f'exec.{self.handle} = {{ egress = "{egress}", command = [{words}] }}'

    def of_neighbours(self, lines: Iterable[str]) -> list[str]:
        """Return those lines below the heading of each node, or of a NODE that is to be named (TOML)."""
        lines = list(lines)
        return [line for node in self.nodes or ("NODE",) for line in (neighbour_heading(node), *lines)]

    def receiving_lines(self, egress: str, *arguments: str) -> str:
        """Return what the gateway's own configuration needs for mail that arrives (TOML)."""
        remark = "# What a neighbour may run here. Repeat for each that may send mail."
        return "\n".join([remark, *self.of_neighbours([self.exec_line(egress, *arguments)])]) + "\n"

    def _words(self) -> Iterator[tuple[str, str | None, re.Pattern[str]]]:
        yield "node", self.node, _NODE
        yield "user", self.user, _WORD
        yield "handle", self.handle, _WORD
        yield from ((what, path, _PATH) for what, path in self.paths().items())
        yield from (("domain", domain, self.DOMAIN) for domain, _ in self.routes)
        yield from (("node", node, _NODE) for _, node in self.routes)
