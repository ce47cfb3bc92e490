"""The few system calls that make something last, each with the sync it needs.

A rename is durable once the target's directory is synced; a new directory once its parent
is. After a failed sync the kernel may forget what it could not write, so no sync is ever
tried twice: the file is given up and the failure reported. ``$NNCPNOSYNC``, if not empty,
turns syncing off, as it does in NNCP.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gateway.spool.refusal import refusal, refusals

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let no ending signal's handler run inside the block; it runs right after.

    Only signals sent to this thread, or to a process whose other threads block them too,
    are kept out.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # A handler that is already due runs, and may raise, inside this very call.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def sync(fd: int, path: str) -> None:
    """Write a file or directory through to the disk.

    Raises:
        SpoolError: temporary; whatever was written since the last sync counts as lost.
    """
    if not os.environ.get("NNCPNOSYNC"):
        with refusals(path):
            os.fsync(fd)


def sync_directory(path: str) -> None:
    """Write a directory's entries through to the disk.

    Raises:
        SpoolError: temporary.
    """
    if os.environ.get("NNCPNOSYNC"):
        return
    with refusals(path):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(fd, path)
    finally:
        os.close(fd)


def make_directories(path: str, *, floor: str, umask: int | None = None) -> None:
    """Make a directory and what is missing between it and `floor`, and sync every parent.

    `floor` itself is made if its parent exists: a spool on a disk that is not mounted must
    not spring up somewhere else.

    Raises:
        SpoolError: temporary.
    """
    try:
        made = _make_directory(path, umask)
    except FileNotFoundError as error:
        if path == floor:
            raise refusal(error, path) from error
        make_directories(os.path.dirname(path), floor=floor, umask=umask)
        with refusals(path):
            made = _make_directory(path, umask)
    if made:
        sync_directory(os.path.dirname(path))


def _make_directory(path: str, umask: int | None) -> bool:
    try:
        os.mkdir(path, 0o777 if umask is None else 0o777 & ~umask)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refusal(error, path) from error
    if umask is not None:
        # The process's own umask may have taken more; what the parent's setgid gave must stay.
        with suppress(OSError):
            os.chmod(path, (os.stat(path).st_mode & 0o7000) | (0o777 & ~umask))
    return True


def create(path: str, *, umask: int | None = None) -> int:
    """Create a file, mode 0666 less the umask; return its descriptor, open for reading and writing.

    Raises:
        OSError: as it comes, FileExistsError among them.
    """
    mode = 0o666 if umask is None else 0o666 & ~umask
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, mode)
    if umask is not None:
        with suppress(OSError):
            os.fchmod(fd, mode)
    return fd


def ensure(path: str, *, umask: int | None = None) -> int:
    """Open a file for writing, creating it if need be; return its descriptor.

    Raises:
        OSError: as it comes.
    """
    try:
        return create(path, umask=umask)
    except FileExistsError:
        # O_NONBLOCK: a FIFO of that name must be an error, not a wait.
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def open_regular(path: str) -> int:
    """Open a regular file for reading, following no symlink.

    Raises:
        FileNotFoundError: nothing there, or something else.
        SpoolError: temporary.
    """
    try:
        # O_NONBLOCK: what is called like a packet may be a FIFO that nobody writes to.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(path) from error
    except OSError as error:
        raise refusal(error, path) from error
    try:
        with refusals(path):
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
        if not regular:
            raise FileNotFoundError(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_all(fd: int, data: bytes | bytearray | memoryview, path: str) -> None:
    """Write all of it, however short the single writes are.

    Raises:
        SpoolError: temporary.
    """
    with refusals(path):
        written = os.write(fd, data)
        if written < len(data):
            rest = memoryview(data)
            while written < len(rest):
                written += os.write(fd, rest[written:])


def move(source: str, target: str, *, floor: str, umask: int | None = None, synced: bool = True) -> None:
    """Rename, making the target's directory if need be, and sync it.

    A file of the target's name is replaced: packets are named by their hash.

    Raises:
        FileNotFoundError: the source went away.
        SpoolError: temporary. If it was the sync that failed, the file may be at either place
            after a crash, and is at the target now.
    """
    directory = os.path.dirname(target)
    try:
        _rename(source, target)
    except FileNotFoundError:
        make_directories(directory, floor=floor, umask=umask)
        _rename(source, target)
    if synced:
        sync_directory(directory)


def _rename(source: str, target: str) -> None:
    try:
        os.rename(source, target)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refusal(error, target) from error


def replace_file(path: str, data: bytes, mode: int) -> None:
    """Put `data` in the place of a file, or make it; after a crash one of the two is there, whole.

    `mode` is what the file gets, whatever the umask; a symlink is followed, owner and group of
    the file before stay as far as we may.

    Raises:
        SpoolError: temporary; the file is as it was, unless only the last sync failed.
    """
    path = os.path.realpath(path)
    directory, name = os.path.split(path)
    # Not by the process id: in a container that is the same again after a kill, and what it left is there.
    new = os.path.join(directory, f".{name}.{os.urandom(6).hex()}.new")
    with refusals(path):
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            with suppress(FileNotFoundError, PermissionError):
                before = os.stat(path)
                os.fchown(fd, before.st_uid, before.st_gid)
            with refusals(path):
                os.fchmod(fd, mode)
            write_all(fd, data, path)
            sync(fd, path)
        finally:
            os.close(fd)
        _rename(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    sync_directory(directory)


def unlink(path: str) -> bool:
    """Remove a file; False if it was not there.

    Raises:
        SpoolError: temporary.
    """
    with refusals(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
    return True


def exists(path: str) -> bool:
    """Whether something is there; unlike os.path.exists, never False because we may not look.

    Raises:
        SpoolError: temporary.
    """
    with refusals(path):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True
