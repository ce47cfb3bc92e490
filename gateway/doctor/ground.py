"""The ground: the spool and who owns what in it, its file system, its room, and the clock."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.doctor.owner import acting_as_owner, owner_name
from gateway.spool.layout import is_name

if TYPE_CHECKING:
    from gateway.config.model import Config

EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""This version is younger than that: a clock that shows less is wrong."""
SKEW = 3600.0
"""[s] A file may be so much younger than now."""
LEAST_SHARE, LEAST_ROOM = 0.05, 64 * 1024 * 1024
_LEAST_FILES = 1000
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "fuse.")
_VOLATILE = ("tmpfs", "ramfs")
_WAITS = "mail cannot be queued here; the MTA keeps it and tries again"


def check(config: Config, now: float) -> Iterator[Ailment]:
    """Yield what is wrong with the spool's place, its owner, its room, and with the clock."""
    root = config.spool
    yield from _clock(config, now)
    if not os.path.isdir(root):
        parent = os.path.dirname(root)
        there = os.path.isdir(parent)
        what = "is not there" if there else f"is not there, nor is {parent}: is the disk mounted?"
        mend = f"install -d -m 2770 {root}" if there else f"mount {parent}, or mkdir -p {root}"
        yield Ailment(root, what, _WAITS, mend)
        return
    yield from _owner(config)
    with acting_as_owner(root):
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            who = owner_name(root) if os.geteuid() == 0 else str(os.geteuid())
            yield Ailment(root, f"cannot be written by {who}", _WAITS, f"chmod u+rwx {root}")
    yield from _file_system(root)
    yield from _room(root)


def _clock(config: Config, now: float) -> Iterator[Ailment]:
    why = "retries, give-up and expiry count by it, and a peer's log is compared with it"
    mend = "timedatectl set-ntp true, or by hand: date -s 'YYYY-MM-DD hh:mm:ss'"
    shown = datetime.fromtimestamp(now, UTC).isoformat(" ", "seconds")
    if now < EPOCH:
        yield Ailment("clock", f"shows {shown}, which is before this program was made", why, mend)
        return
    newest, path = max(_times(config.spool), default=(0.0, ""))
    if newest > now + SKEW:
        then = datetime.fromtimestamp(newest, UTC).isoformat(" ", "seconds")
        what = f"shows {shown}, but {path} was written at {then}: it went backwards"
        yield Ailment("clock", what, why, mend)


def _times(root: str) -> Iterator[tuple[float, str]]:
    """Yield when the directories changed: a packet that comes or goes changes the one it is in."""
    for directory in _directories(root):
        try:
            yield os.stat(directory).st_mtime, directory
        except OSError:
            continue


def _directories(root: str) -> Iterator[str]:
    yield root
    for top, folders, _ in os.walk(root):
        depth = top[len(root) :].count("/")
        folders[:] = [name for name in folders if depth > 0 or is_name(name) or name == "tmp"]
        yield from (os.path.join(top, name) for name in folders)


def _owner(config: Config) -> Iterator[Ailment]:
    """Yield what in the spool belongs to somebody else than the spool does."""
    root = config.spool
    found = os.stat(root)
    foreign = []
    for top in _directories(root):
        for path in [top, *_files(top)]:
            try:
                mine = os.lstat(path)
            except OSError:
                continue
            if mine.st_uid != found.st_uid and not stat.S_ISLNK(mine.st_mode):
                foreign.append((path, mine.st_uid))
    if not foreign:
        return
    path, uid = foreign[0]
    owner = owner_name(root)
    more = f" and {len(foreign) - 1} others" if len(foreign) > 1 else ""
    cure = partial(_give, [path for path, _ in foreign], found.st_uid, found.st_gid)
    yield Ailment(
        path,
        f"belongs to {_user(uid)}, the spool to {owner}{more}",
        f"the gateway, which acts as {owner}, cannot move or remove it: such mail waits for ever",
        f"chown -R {owner}: {root}",
        cure if os.geteuid() == 0 else None,
    )


def _files(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if not entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _give(paths: list[str], uid: int, gid: int) -> None:
    for path in paths:
        os.chown(path, uid, gid, follow_symlinks=False)


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 - for a name in a sentence

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _file_system(root: str) -> Iterator[Ailment]:
    mounted = _mount(root)
    if mounted is None:
        return
    place, kind, options = mounted
    move = f"move the spool to a local disk: spool = ... in the configuration, then cp -a {root}/. there"
    if kind.startswith(_REMOTE):
        why = "locks and syncs of a network file system do not promise what the spool relies on"
        yield Ailment(root, f"lies on {kind} ({place})", why, move)
    if kind in _VOLATILE:
        yield Ailment(root, f"lies on {kind} ({place})", "it is gone when the machine restarts", move)
    if "ro" in options:
        yield Ailment(root, f"{place} is mounted read-only", _WAITS, f"mount -o remount,rw {place}")
    tmp = os.path.join(root, "tmp")
    if os.path.isdir(tmp) and os.stat(tmp).st_dev != os.stat(root).st_dev:
        why = "a packet is committed by renaming it out of there, which works on one device only"
        yield Ailment(tmp, "lies on another device than the spool", why, f"umount {tmp}")


def _mount(path: str) -> tuple[str, str, list[str]] | None:
    """Return mount point, type and options of the file system that a path is on."""
    path = os.path.realpath(path)
    best: tuple[str, str, list[str]] | None = None
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, place, kind, options, *_ = line.split(" ")
                place = place.replace("\\040", " ")
                inside = path == place or path.startswith(place.rstrip("/") + "/")
                if inside and (best is None or len(place) >= len(best[0])):
                    best = place, kind, options.split(",")
    except OSError:
        return None
    return best


def _room(root: str) -> Iterator[Ailment]:
    room = os.statvfs(root)
    free, size = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    why = "when it is full, nothing is queued, received or delivered any more, though nothing is lost"
    if free < max(LEAST_ROOM, min(LEAST_SHARE * size, 1 << 30)):
        what = f"{free >> 20} MiB of {size >> 20} MiB are free"
        yield Ailment(root, what, why, f"du -x --max-depth=2 {root} | sort -n   # and `gateway queue list`")
    if room.f_files and room.f_favail < _LEAST_FILES:
        yield Ailment(root, f"{room.f_favail} more files can be made", why, f"find {root} -xdev | wc -l")
