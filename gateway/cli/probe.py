"""``gateway node probe``: whether a neighbour answers, is who it says, and knows us."""

from __future__ import annotations

import json

import click

from gateway.cli import Setting
from gateway.cli.leaving import leaving
from gateway.cli.names import NODE
from gateway.errors import EX_FAILURE, EX_OK

__all__ = ["probe"]


@click.command("probe")
@click.option("--json", "as_json", is_flag=True, help="one JSON object an address")
@click.argument("node", type=NODE, metavar="NODE[:ADDR|:host:port]")
@click.pass_obj
def probe(setting: Setting, *, as_json: bool, node: str) -> int:
    """Ask at NODE's addresses who answers there; nothing is moved.

    An address is good when both ends proved that they have the keys which the other one knows.
    Status 0 when one is; of a neighbour without addresses only `gateway canary` can tell.
    """
    from gateway.engine.ground import identity_of  # noqa: PLC0415 - not for the help page
    from gateway.links.call import destination  # noqa: PLC0415 - as above
    from gateway.links.probe import probe as ask  # noqa: PLC0415 - as above
    from gateway.links.session import Party, Rules  # noqa: PLC0415 - as above

    config = setting.config()
    neighbour, addresses = destination(config, node)
    party = Party(identity_of(config), setting.open_spool(config), lambda _: None, leaving().is_set)
    good = False
    for answer in ask(party, neighbour, addresses, Rules.of(neighbour)):
        good |= answer.wrong is None
        if as_json:
            click.echo(json.dumps({"node": neighbour.name, **answer._asdict()}))
        elif answer.wrong is None:
            waiting = f"{answer.waiting} packet{'s' * (answer.waiting != 1)} for us"
            click.echo(f"{neighbour.name}: {answer.address}: is {neighbour.name} and knows us; {waiting}")
        else:
            setting.say(f"{neighbour.name}: {answer.address}: {answer.wrong}")
    return EX_OK if good else EX_FAILURE
