"""A `Config` as the tree of NNCP's configuration, and what of it NNCP cannot express."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.config.handles import from_nncp
from gateway.config.model import (
    DEFAULT_TIMEOUT,
    DEFAULT_TRASH_AGE,
    Accept,
    Config,
    Handle,
    Limits,
    MailForm,
    Neighbour,
    Retry,
    Serve,
)
from gateway.config.schema import IDENTITY, Tree
from gateway.packet.identity import encode

__all__ = ["Exported", "export"]

_ONLINE_DEADLINE = 10
# Egresses whose command, run as NNCP runs it, does what the egress does or nearly that.
_NEARLY_COMMANDS = ("command", "exim", "postfix", "rmail")


class Exported(NamedTuple):
    """The tree as the Hjson writer and the directory writer take it; one line per loss."""

    tree: Tree
    losses: tuple[str, ...]


def export(config: Config) -> Exported:
    """Return what NNCP can be told, and one line ``key: text`` for everything it cannot."""
    losses: list[str] = []
    tree: Tree = {"spool": config.spool, "log": config.log}
    if config.log is None or not config.log.startswith("/"):
        tree["log"] = f"{config.spool}/log"
        losses.append(f"log: NNCP requires the path of one; {tree['log']} was written")
    if config.umask is not None:
        tree["umask"] = f"{config.umask:03o}"
    for key in ("noprogress", "nohdr"):
        if getattr(config, key):
            tree[key] = True
    if config.identity is not None:
        tree["self"] = {key: encode(getattr(config.identity, key)) for key in IDENTITY}
    tree["neigh"] = {name: _neighbour(n, losses) for name, n in config.neighbours.items()}
    ours = {
        "log-format": config.log_format != "nncp",
        "plugins": config.plugins is not None,
        "routes": bool(config.routes),
        "retry": config.retry != Retry(),
        "trash-age": config.trash_age != DEFAULT_TRASH_AGE,
        "serve": config.serve != Serve(),
        "plugin": bool(config.plugin),
    }
    losses += [f"{key}: NNCP has nothing like it; left out" for key, given in ours.items() if given]
    return Exported(tree | {key: _plain(value) for key, value in config.extra.items()}, tuple(losses))


def _neighbour(neighbour: Neighbour, losses: list[str]) -> Tree:
    key = f"neigh.{neighbour.name}"
    tree: Tree = {"id": encode(neighbour.id), "exchpub": encode(neighbour.exchpub)}
    tree["signpub"] = encode(neighbour.signpub)
    if neighbour.noisepub is not None:
        tree["noisepub"] = encode(neighbour.noisepub)
    commands = {
        name: _command(handle, f"{key}.exec.{name}", losses) for name, handle in neighbour.handles.items()
    }
    written = {
        "exec": {name: list(command) for name, command in commands.items() if command},
        "via": list(neighbour.via),
        "addrs": dict(neighbour.addrs),
        "incoming": neighbour.incoming,
        "freq": dict(neighbour.freq),
        "rxrate": neighbour.rxrate,
        "txrate": neighbour.txrate,
        "onlinedeadline": neighbour.onlinedeadline if neighbour.onlinedeadline != _ONLINE_DEADLINE else None,
        "maxonlinetime": neighbour.maxonlinetime,
        "calls": [dict(call) for call in neighbour.calls],
    }
    ours = {
        "mail": neighbour.mail != MailForm(),
        "accept": neighbour.accept != Accept(),
        "limits": neighbour.limits != Limits(),
        "ack": neighbour.ack,
        "bounce": neighbour.bounce and neighbour.name != "self",
        "warn-after": neighbour.warn_after is not None,
    }
    if any(ours.values()):
        losses.append(
            f"{key}: NNCP has no {', '.join(name for name, given in ours.items() if given)}; left out"
        )
    return tree | {name: value for name, value in written.items() if value}


def _command(handle: Handle, key: str, losses: list[str]) -> tuple[str, ...]:
    if not handle.command or handle.egress not in _NEARLY_COMMANDS:
        losses.append(f"{key}: NNCP has no egress {handle.egress}; left out")
        return ()
    read_back = from_nncp(handle.name, handle.command)
    changes = []
    if read_back is None or read_back.egress != handle.egress:
        changes.append(f"egress {handle.egress} becomes the command alone")
    if handle.arguments != "any":
        changes.append("NNCP lets all arguments of the peer through")
    if handle.timeout != DEFAULT_TIMEOUT:
        changes.append("NNCP has no time limit")
    if handle.options:
        changes.append(f"NNCP has no {', '.join(handle.options)}")
    if changes:
        losses.append(f"{key}: {'; '.join(changes)}")
    return handle.command


def _plain(value: object) -> object:
    """Return a kept value in dicts and lists, as the writers take it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
