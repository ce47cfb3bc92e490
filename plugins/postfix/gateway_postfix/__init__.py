"""Postfix for the gateway: reads what its pipe service writes, feeds its ``sendmail``, sets it up.

The modules are imported inside the hooks: this one stands on the path of every message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from gateway import Config, Finding
    from gateway_postfix.egress import PostfixEgress
    from gateway_postfix.ingress import PostfixIngress


@hookimpl
def gateway_register_ingress(config: Config) -> PostfixIngress:
    """Return the reader of what pipe(8) writes.

    Raises:
        ConfigError: temporary; ``[plugin.postfix]`` has mistakes.
    """
    from gateway_postfix.ingress import PostfixIngress  # noqa: PLC0415 - only when a message is read

    return PostfixIngress(_handles(config))


@hookimpl
def gateway_register_egress(config: Config) -> PostfixEgress:
    """Return the feeder of ``sendmail``.

    Raises:
        ConfigError: temporary; ``[plugin.postfix]`` has mistakes.
    """
    from gateway_postfix.egress import PostfixEgress  # noqa: PLC0415 - only when something is delivered

    return PostfixEgress(_handles(config))


@hookimpl
def gateway_examine(config: Config, user: str) -> Iterator[Finding]:
    """Yield whether the Postfix behind each handle of ours takes what `user` hands in."""
    handles = (handle for neighbour in config.neighbours.values() for handle in neighbour.handles.values())
    commands = {handle.command for handle in handles if handle.egress == "postfix" and handle.command}
    for program in sorted({command[0] for command in commands}):
        from gateway_postfix.check import receiving  # noqa: PLC0415 - only for the doctor

        yield from receiving(program, user)


@hookimpl
def gateway_register_commands(group: click.Group) -> None:
    """Add ``gateway postfix setup`` and ``gateway postfix check``."""
    from gateway_postfix.commands import postfix  # noqa: PLC0415 - loads click; never on the pipe path

    group.add_command(postfix)


def _handles(config: Config) -> tuple[str, ...]:
    table = config.plugin.get("postfix")
    if not table:
        return ("sendmail",)
    from gateway_postfix.options import plugin_options  # noqa: PLC0415 - rarely is there anything to check

    return plugin_options(table).handles
