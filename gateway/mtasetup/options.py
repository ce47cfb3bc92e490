"""The options that the setup commands of all MTAs have."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, TypedDict

import click

from gateway.mtasetup.routes import read_routes

__all__ = ["Wanted", "setup_options"]

_Command = Callable[..., None]


class Wanted(TypedDict):
    """What a setup command was told, as an `MtaPlan` takes it."""

    node: str | None
    routes: tuple[tuple[str, str], ...]
    user: str
    command: str
    config: str | None
    handle: str
    sendmail: str
    send: bool
    receive: bool


def setup_options(*, below: str, handle: str, sendmail: str) -> Callable[[_Command], _Command]:
    """Return what gives a setup command the options that all have; it gets them as `wanted`.

    `below` is how the MTA writes all domains below one, `handle` the usual handle, `sendmail`
    whose program stands at ``--sendmail``.
    """
    options = (
        click.option(
            "--node", metavar="NODE", help="the node that gets everything without a route of its own"
        ),
        click.option(
            "--route",
            "routes",
            metavar="DOMAIN=NODE",
            multiple=True,
            help=f"a domain's node ({below}: all below it); may be repeated",
        ),
        click.option(
            "--user",
            metavar="USER",
            default="gateway",
            show_default=True,
            help="the user that the gateway runs as",
        ),
        click.option("--command", metavar="PATH", help="the gateway's program  [default: this one]"),
        click.option(
            "--config", metavar="FILE", help="the gateway's configuration, if not at its usual place"
        ),
        click.option(
            "--handle",
            metavar="HANDLE",
            default=handle,
            show_default=True,
            help="the word under which mail is taken, here and at the far side",
        ),
        click.option(
            "--sendmail", metavar="PATH", default="/usr/sbin/sendmail", show_default=True, help=sendmail
        ),
        click.option(
            "--send/--no-send", default=None, help="only, or not, what sends  [default: both directions]"
        ),
        click.option("--receive/--no-receive", default=None, help="only, or not, what receives"),
    )

    def give(command: _Command) -> _Command:
        @functools.wraps(command)
        def called(**words: Any) -> None:
            command(wanted=_taken_from(words), **words)

        for option in reversed(options):
            called = option(called)
        return called

    return give


def _taken_from(words: dict[str, Any]) -> Wanted:
    """Return what is wanted, and leave the MTA's own words."""
    setting = click.get_current_context().obj
    send, receive = words.pop("send"), words.pop("receive")
    return {
        "node": words.pop("node"),
        "routes": read_routes(words.pop("routes")),
        "user": words.pop("user"),
        "command": words.pop("command") or os.path.abspath(sys.argv[0]),
        "config": words.pop("config") or getattr(setting, "config_path", None),
        "handle": words.pop("handle"),
        "sendmail": words.pop("sendmail"),
        "send": not receive if send is None else send,
        "receive": not send if receive is None else receive,
    }
