"""``gateway serve``: the resident process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gateway.cli.descriptors import allow_descriptors

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Config


@click.command("serve")
@click.option("--bind", "-bind", metavar="ADDR:PORT", help="answer calls there, in place of [serve] daemon")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="deliveries at once, in place of [serve] jobs"
)
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.pass_obj
def command(setting: Setting, *, bind: str | None, jobs: int | None, quiet: bool) -> int:
    """Answer calls, make calls, deliver what arrives: everything the configuration asks for.

    SIGHUP takes over the configuration as it is then, or says what is wrong with it and goes
    on by the old one. SIGTERM lets deliveries under way finish, for 30 seconds; a second one
    does not.
    """
    import asyncio  # noqa: PLC0415 - not for the help page

    from gateway.service.serve import Service  # noqa: PLC0415 - as above

    def nothing(_text: str) -> None:
        pass

    def load() -> Config:
        config = setting.config()
        serve = config.serve
        return config._replace(
            serve=serve._replace(daemon=bind or serve.daemon, jobs=jobs or serve.jobs),
        )

    allow_descriptors()
    news = nothing if quiet or setting.quiet else setting.say
    return asyncio.run(Service(load, say=setting.say, news=news, environ=os.environ).run())
