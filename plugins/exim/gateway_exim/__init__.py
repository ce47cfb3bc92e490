"""Exim for the gateway: reads what its pipe transport writes, feeds its ``-bS``, sets it up.

The modules are imported inside the hooks: this one stands on the path of every message.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from gateway import Config, Finding
    from gateway_exim.egress import EximEgress
    from gateway_exim.ingress import EximIngress


@hookimpl
def gateway_register_ingress(config: Config) -> EximIngress:
    """Return the reader of batch SMTP.

    Raises:
        ConfigError: temporary; ``[plugin.exim]`` has mistakes.
    """
    from gateway_exim.ingress import EximIngress  # noqa: PLC0415 - only when a message is read
    from gateway_exim.options import plugin_options  # noqa: PLC0415 - same

    return EximIngress(plugin_options(config.plugin.get("exim", {})).handles)


@hookimpl
def gateway_register_egress(config: Config) -> EximEgress:
    """Return the feeder of ``sendmail -bS``.

    Raises:
        ConfigError: temporary; ``[plugin.exim]`` has mistakes.
    """
    from gateway_exim.egress import EximEgress  # noqa: PLC0415 - only when something is delivered
    from gateway_exim.options import plugin_options  # noqa: PLC0415 - same

    return EximEgress(plugin_options(config.plugin.get("exim", {})))


@hookimpl
def gateway_examine(config: Config, user: str) -> Iterator[Finding]:
    """Yield whether the Exim behind each handle of ours takes what `user` hands in."""
    from gateway_exim.check import receiving  # noqa: PLC0415 - only for the doctor

    handles = (handle for neighbour in config.neighbours.values() for handle in neighbour.handles.values())
    for command in sorted({handle.command for handle in handles if handle.egress == "exim"}):
        if command and os.access(command[0], os.X_OK):  # what is missing is missed by the doctor itself
            yield from receiving([word for word in command if word != "-bS"], user)


@hookimpl
def gateway_register_commands(group: click.Group) -> None:
    """Add ``gateway exim setup`` and ``gateway exim check``."""
    from gateway_exim.commands import exim  # noqa: PLC0415 - loads click; never on the pipe path

    group.add_command(exim)
