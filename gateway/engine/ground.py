"""The ground the engine stands on: the spool of a configuration, owned by the right user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, SpoolError
from gateway.spool.spool import Spool

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour
    from gateway.packet.identity import Identity


def open_spool(config: Config) -> Spool:
    """Return the spool, having become its owner when run as root.

    One manual run as root would otherwise leave files behind that the MTA's user cannot
    touch, and mail would wait for ever.

    Raises:
        SpoolError: temporary; the owner cannot be become.
    """
    if os.geteuid() == 0:
        _become_owner(config.spool)
    if config.umask is not None:
        os.umask(config.umask)
    return Spool(config.spool, umask=config.umask, nohdr=config.nohdr)


def identity_of(config: Config) -> Identity:
    """Return our identity; raises `ConfigError` (temporary) for a configuration without keys."""
    if config.identity is None:
        msg = f"{config.path}: self: no private keys; this command needs them (gateway init makes some)"
        raise ConfigError(msg)
    return config.identity


def ourselves(config: Config) -> Neighbour | None:
    """Return our own node among the neighbours; None without keys of our own."""
    return None if config.identity is None else config.by_id(config.identity.id)


def self_name(config: Config) -> str:
    """Return what we call ourselves to others, as one word that can be a hop of a bang path."""
    return (config.name or os.uname().nodename or "localhost").replace("!", "-")


def _become_owner(root: str) -> None:
    try:
        found = os.stat(root)
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"cannot look at the spool {root}: {error.strerror}"
        raise SpoolError(msg) from error
    if found.st_uid == 0:
        return
    import pwd  # noqa: PLC0415 - only as root

    try:
        name = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        name = ""
    try:
        if name:
            os.initgroups(name, found.st_gid)
        else:
            os.setgroups([])
        os.setgid(found.st_gid)
        os.setuid(found.st_uid)
    except OSError as error:
        msg = f"cannot become the owner (uid {found.st_uid}) of the spool {root}: {error.strerror}"
        raise SpoolError(msg) from error
