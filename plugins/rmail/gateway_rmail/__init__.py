"""rmail for the gateway: reads what is handed to rmail, calls the sendmail behind it, sets it up.

The modules are imported inside the hooks: this one stands on the path of every message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from gateway import Config, Finding
    from gateway_rmail.egress import RmailEgress
    from gateway_rmail.ingress import RmailIngress


@hookimpl
def gateway_register_ingress(config: Config) -> RmailIngress:
    """Return the reader of rmail's input.

    Raises:
        ConfigError: temporary; ``[plugin.rmail]`` has mistakes.
    """
    from gateway_rmail.ingress import HANDLES, RmailIngress  # noqa: PLC0415 - only when a message is read

    table = config.plugin.get("rmail")
    if not table:
        return RmailIngress(HANDLES, config.name)
    from gateway_rmail.options import plugin_options  # noqa: PLC0415 - only where there are any

    return RmailIngress(plugin_options(table).handles, config.name)


@hookimpl
def gateway_register_egress(config: Config) -> RmailEgress:
    """Return what does rmail's work at the receiving end.

    Raises:
        ConfigError: temporary; ``[plugin.rmail]`` has mistakes.
    """
    from gateway_rmail.egress import RmailEgress  # noqa: PLC0415 - only when something is delivered
    from gateway_rmail.options import plugin_options  # noqa: PLC0415 - same

    return RmailEgress(plugin_options(config.plugin.get("rmail", {})))


@hookimpl
def gateway_examine(config: Config, user: str) -> Iterator[Finding]:
    """Yield what there is to say of each handle behind which rmail's work is done."""
    from gateway_rmail.check import findings  # noqa: PLC0415 - only for the doctor

    yield from findings(config, user)


@hookimpl
def gateway_register_commands(group: click.Group) -> None:
    """Add ``gateway rmail setup`` and ``gateway rmail check``."""
    from gateway_rmail.commands import rmail  # noqa: PLC0415 - loads click; never on the pipe path

    group.add_command(rmail)
