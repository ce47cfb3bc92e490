"""``gateway serve``: the resident process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gateway.cli.descriptors import allow_descriptors

if TYPE_CHECKING:
    from gateway.cli import Setting


@click.command("serve")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.pass_obj
def command(setting: Setting, *, quiet: bool) -> int:
    """Answer calls, make calls, deliver what arrives: everything the configuration asks for.

    SIGHUP takes over the configuration as it is then, or says what is wrong with it and goes
    on by the old one. SIGTERM lets deliveries under way finish, for 30 seconds; a second one
    does not.
    """
    import asyncio  # noqa: PLC0415 - not for the help page

    from gateway.service.serve import Service  # noqa: PLC0415 - as above

    def nothing(_text: str) -> None:
        pass

    allow_descriptors()
    news = nothing if quiet or setting.quiet else setting.say
    return asyncio.run(Service(setting.config, say=setting.say, news=news, environ=os.environ).run())
