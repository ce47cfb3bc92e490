"""``gateway caller``: calls by the neighbours' cron lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.descriptors import allow_descriptors
from gateway.cli.names import NODE
from gateway.errors import EX_FAILURE, EX_OK, ConfigError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Neighbour
    from gateway.service.ground import Ground


@click.command("caller")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.argument("nodes", type=NODE, nargs=-1, metavar="[NODE]...")
@click.pass_obj
def command(setting: Setting, *, nodes: tuple[str, ...], quiet: bool, noprogress: bool) -> int:
    """Call the neighbours that have `calls`, or only the named ones, until SIGTERM.

    One call at a time with each; what falls due during a call is skipped. `gateway serve`
    does this too.
    """
    del noprogress
    import asyncio  # noqa: PLC0415 - not for the help page

    from gateway.service.calling import callable_neighbours  # noqa: PLC0415 - as above
    from gateway.service.ground import Ground  # noqa: PLC0415 - as above
    from gateway.service.outages import Outages  # noqa: PLC0415 - as above

    config = setting.config()
    neighbours = callable_neighbours(config)
    if nodes:
        named = {config.neighbour(node).name for node in nodes}
        neighbours = [neighbour for neighbour in neighbours if neighbour.name in named]
    if not neighbours:
        msg = f"{config.path}: neigh.*.calls: there are none to make"
        raise ConfigError(msg)
    allow_descriptors()
    ground = Ground.of(config, setting.say, _nothing if quiet or setting.quiet else setting.say)
    ground.registry.join("outages", Outages(setting.say))
    return asyncio.run(_call(ground, neighbours))


async def _call(ground: Ground, neighbours: list[Neighbour]) -> int:
    import asyncio  # noqa: PLC0415 - as above
    import signal  # noqa: PLC0415 - as above

    from gateway.service.calling import Calling  # noqa: PLC0415 - as above

    calling = asyncio.create_task(Calling(ground, neighbours, alone=True).run(lambda: None))

    def leave() -> None:
        ground.leaving.set()
        calling.cancel()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, leave)
    try:
        await calling
    except asyncio.CancelledError:
        return EX_OK
    return EX_FAILURE


def _nothing(_text: str) -> None:
    pass
