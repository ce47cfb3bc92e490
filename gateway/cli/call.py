"""``gateway call``: one online session as the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from gateway.cli.leaving import leaving
from gateway.cli.names import NODE
from gateway.cli.types import NICENESS
from gateway.errors import EX_FAILURE, EX_OK, EX_TEMPFAIL, UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.links.session import Account

_N = TypeVar("_N", int, float)


@click.command("call")
@click.option("--rx", "-rx", is_flag=True, help="only receive")
@click.option("--tx", "-tx", is_flag=True, help="only send")
@click.option("--list", "-list", "listing", is_flag=True, help="only show what the neighbour has for us")
@click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="only up to this niceness")
@click.option("--rxrate", "-rxrate", type=click.IntRange(0), help="protocol packets a second to receive")
@click.option("--txrate", "-txrate", type=click.IntRange(0), help="protocol packets a second to send")
@click.option(
    "--onlinedeadline", "-onlinedeadline", type=click.IntRange(1), help="seconds idle before the end"
)
@click.option("--maxonlinetime", "-maxonlinetime", type=click.IntRange(0), help="seconds at most")
@click.option("--json", "as_json", is_flag=True, help="with --list: one JSON object per line")
@click.option("--quiet", "-quiet", "-q", is_flag=True, help="say only what went wrong")
@click.option("--noprogress", "-noprogress", is_flag=True, hidden=True)
@click.argument("node", type=NODE, metavar="NODE[:ADDR|:host:port]")
@click.argument("address", required=False)
@click.pass_obj
def command(
    setting: Setting,
    *,
    rx: bool,
    tx: bool,
    listing: bool,
    nice: int,
    rxrate: int | None,
    txrate: int | None,
    onlinedeadline: int | None,
    maxonlinetime: int | None,
    as_json: bool,
    quiet: bool,
    noprogress: bool,
    node: str,
    address: str | None,
) -> int:
    """Call a neighbour: send it what waits for it, receive what it has for us.

    ADDR names one of its configured addresses; without any, all are tried in random order.
    An address, also given as ADDRESS, is host:port, or a command after a bar, whose input and
    output are the connection. The session ends when nothing was said for `onlinedeadline`. Status 75: no
    session, or something is left for the next one.
    """
    del noprogress
    if rx + tx + listing > 1:
        msg = "--rx, --tx and --list exclude each other"
        raise UsageError(msg)
    from gateway.engine.ground import identity_of  # noqa: PLC0415 - not for the help page
    from gateway.links.call import call_neighbour, destination  # noqa: PLC0415 - as above
    from gateway.links.session import Party, Rules  # noqa: PLC0415 - as above

    config, stop = setting.config(), leaving().is_set
    neighbour, addresses = destination(
        config, node if address is None else f"{node.partition(':')[0]}:{address}"
    )
    theirs = Rules.of(neighbour)
    rules = theirs._replace(
        receive=not tx and not listing,
        send=not rx and not listing,
        listing=listing,
        max_niceness=nice,
        rxrate=_either(rxrate, theirs.rxrate),
        txrate=_either(txrate, theirs.txrate),
        onlinedeadline=_either(onlinedeadline, theirs.onlinedeadline),
        maxonlinetime=_either(maxonlinetime, theirs.maxonlinetime),
    )
    party = Party(identity_of(config), setting.open_spool(config), setting.registry(config).event, stop)
    account = call_neighbour(party, neighbour, addresses, rules)
    return _tell(setting, account, listing=listing, as_json=as_json, quiet=quiet or setting.quiet)


def _either(given: int | None, configured: _N) -> int | _N:
    return configured if given is None else given


def _tell(setting: Setting, account: Account, *, listing: bool, as_json: bool, quiet: bool) -> int:
    for note in account.notes:
        setting.say(note)
    if account.started and account.broken:
        setting.say(f"{account.peer}: {account.end}")
    if listing:
        _show(account, as_json=as_json)
    elif account.started and not quiet:
        click.echo(str(account))
    if not account.started or account.broken:
        return EX_TEMPFAIL
    if account.left or account.wanting:
        return EX_TEMPFAIL
    return EX_FAILURE if any("disagree" in note for note in account.notes) else EX_OK


def _show(account: Account, *, as_json: bool) -> None:
    from gateway.packet import niceness  # noqa: PLC0415 - only here

    for packet in sorted(account.heard, key=lambda heard: (heard.niceness, heard.name)):
        if as_json:
            import json  # noqa: PLC0415 - only here

            fields = {"packet": packet.name, "size": packet.size, "niceness": packet.niceness}
            click.echo(json.dumps(fields))
        else:
            click.echo(f"{packet.name} {packet.size} {niceness.format(packet.niceness)}")
