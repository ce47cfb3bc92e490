"""What to say, and to advise, when the system refuses a call on the spool."""

from __future__ import annotations

import errno
import os

from gateway.errors import SpoolError

_ADVICE = {
    errno.ENOSPC: "disk full: free space or inodes on its file system",
    errno.EDQUOT: "disk quota used up: raise it or free space",
    errno.EROFS: "read-only file system: mount it writable, and look in the kernel log for why it is not",
    errno.EFBIG: "file too large for this file system or for our limit (ulimit -f)",
    errno.EMFILE: "too many open files in this process: raise its limit (ulimit -n)",
    errno.ENFILE: "too many open files in the whole system: raise fs.file-max",
    errno.EIO: "input/output error: look in the kernel log, the disk may be failing",
    errno.EXDEV: "the spool must lie on one file system: tmp and the node directories as well",
    errno.ENOLCK: "no file locks to be had: a spool needs a file system with flock",
    errno.ELOOP: "a symlink where the spool has none: remove it",
    errno.ENOENT: "no such file or directory: make it, or mend the configured spool",
    errno.ENOTDIR: "not a directory",
}


def refusal(error: OSError, path: str) -> SpoolError:
    """Return the failure for a refused system call: the path, what is wrong, what to do."""
    advice = _ADVICE.get(error.errno or 0) or os.strerror(error.errno or 0)
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = f"permission denied: {_owner(path)}, we are uid {os.geteuid()} gid {os.getegid()}"
    return SpoolError(f"{path}: {advice}")


class refusals:  # noqa: N801 - used like a function; a class, for it is entered for every system call
    """Turn an OSError of the block into a SpoolError about that path.

    Raises:
        SpoolError: temporary; on leaving.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise refusal(error, self._path) from error


def _owner(path: str) -> str:
    """Say whom the path, or the nearest directory above it that we can see, belongs to."""
    while True:
        try:
            found = os.lstat(path)
        except OSError:
            above = os.path.dirname(path)
            if above == path:
                return "nothing of it can be seen"
            path = above
        else:
            return f"{path} is mode {found.st_mode & 0o7777:04o}, uid {found.st_uid} gid {found.st_gid}"
