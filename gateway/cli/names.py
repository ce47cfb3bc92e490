"""Parameter types for names of the configuration and the spool: taken as they are, completed by the shell.

Completion is a convenience: where the configuration cannot be read, or the spool, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from gateway.config.model import Config

_SHORT = 12
_MANY = 200
"""More than so many packets are no help to anybody."""


class _Name(click.ParamType[str]):
    """A word, with what could stand in its place."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word as it is; whether it is known is found out by who uses it."""
        del param, ctx
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only where a shell asks

        del param
        with suppress(Exception):
            names = dict.fromkeys(
                name for name in self.known(_config(ctx), incomplete) if name.startswith(incomplete)
            )
            return [CompletionItem(name) for name in islice(names, _MANY)]
        return []

    def known(self, config: Config, incomplete: str) -> Iterable[str]:
        """Yield what there is to choose from."""
        raise NotImplementedError


class Node(_Name):
    """The name of a neighbour."""

    def known(self, config: Config, incomplete: str) -> Iterable[str]:
        """Yield the neighbours' names."""
        del incomplete
        return sorted(name for name in config.neighbours if name != "self")


class Handle(_Name):
    """A word that some neighbour may use here."""

    def known(self, config: Config, incomplete: str) -> Iterable[str]:
        """Yield the handles of all neighbours."""
        del incomplete
        return sorted(set(chain.from_iterable(node.handles for node in config.neighbours.values())))


class Packet(_Name):
    """The name of a packet in the spool, or how it begins."""

    def known(self, config: Config, incomplete: str) -> Iterator[str]:
        """Yield the beginnings of names; the whole name where more than the beginning is given."""
        from gateway.spool.layout import BOXES  # noqa: PLC0415 - only to complete
        from gateway.spool.spool import Spool  # noqa: PLC0415 - as above

        spool = Spool(config.spool)
        length = _SHORT if len(incomplete) <= _SHORT else None
        for node in spool.nodes():
            for box in BOXES:
                yield from (job.name[:length] for job in spool.jobs(node, box))


class Plugin(_Name):
    """The name of an installed plugin."""

    def known(self, config: Config, incomplete: str) -> Iterator[str]:
        """Yield the names; no plugin is loaded."""
        from gateway import entrypoints  # noqa: PLC0415 - only to complete

        del config, incomplete
        return (entry.name for entry in entrypoints.installed())


NODE, HANDLE, PACKET, PLUGIN = Node(), Handle(), Packet(), Plugin()


def _config(ctx: click.Context) -> Config:
    """Return the configuration that the words before the command name."""
    import os  # noqa: PLC0415 - only to complete

    from gateway.config import load, locate  # noqa: PLC0415 - as above

    given = ctx.find_root().params
    return load(locate(given.get("config"), os.environ), spool=given.get("spool"))
