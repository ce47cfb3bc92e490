"""Every hook of the gateway: name, arguments, and what each answer means.

Hooks are called by keyword; an implementer names only the arguments it wants. The last
plugin registered is asked first. docs/hooks.md says when each is called and what an
exception does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import click

    from gateway.config.model import Config
    from gateway.mail.envelope import Envelope
    from gateway.mta import Delivery, Egress, Event, Finding, Ingress

hookspec = pluggy.HookspecMarker("gateway")
hookimpl = pluggy.HookimplMarker("gateway")


@hookspec
def gateway_register_ingress(config: Config) -> Ingress | Sequence[Ingress] | None:
    """Return the ingress or ingresses this plugin brings, made from its own configuration."""


@hookspec
def gateway_register_egress(config: Config) -> Egress | Sequence[Egress] | None:
    """Return the egress or egresses this plugin brings, made from its own configuration."""


@hookspec(firstresult=True)
def gateway_route(envelope: Envelope, config: Config) -> str | None:
    """Return the name of the node for an envelope of one recipient, or None to pass."""


@hookspec
def gateway_check_submission(envelope: Envelope, node: str) -> None:
    """Raise `Refused` to turn a submission away before it is sealed; all plugins are asked."""


@hookspec
def gateway_check_delivery(delivery: Delivery) -> None:
    """Raise `Refused` to have a verified delivery held; all plugins are asked."""


@hookspec
def gateway_event(event: Event, config: Config) -> None:
    """Take note of what happened; a failure here is reported and changes nothing."""


@hookspec
def gateway_examine(config: Config, user: str) -> Iterable[Finding] | None:
    """Return what there is to say of the MTA that this plugin is for, for ``gateway doctor``."""


@hookspec
def gateway_register_commands(group: click.Group) -> None:
    """Add operator commands to the command line; never called on the pipe path."""
