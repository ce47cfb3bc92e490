"""Who delivers: the spool's owner, as whom the gateway acts when root runs it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["acting_as_owner", "owner_name"]


def owner_name(spool: str) -> str:
    """Return the name of the spool's owner, or its number where it has none; without a spool, ours."""
    try:
        uid = os.stat(spool).st_uid
    except OSError:
        uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextmanager
def acting_as_owner(spool: str) -> Iterator[None]:
    """Be the spool's owner, groups included, for the block; only root can, for others nothing changes.

    The process is the one that examines, with no thread beside it.
    """
    if os.geteuid() != 0 or not os.path.isdir(spool) or os.stat(spool).st_uid == 0:
        yield
        return
    found = os.stat(spool)
    groups, gid = os.getgroups(), os.getegid()
    try:
        os.setgroups(os.getgrouplist(owner_name(spool), found.st_gid))
    except KeyError:
        os.setgroups([found.st_gid])
    os.setegid(found.st_gid)
    os.seteuid(found.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
