"""Writing a bundle: what waits for some nodes, as one stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING

from gateway.errors import BadPacket, LockBusy, SpoolError, UnknownJob
from gateway.links.account import Account, Exchanged
from gateway.links.bundle.archive import END, filling, headers
from gateway.links.content import NotIntact, checked
from gateway.links.outbound import waiting
from gateway.packet.header import HEADER_SIZE, Header
from gateway.spool.medium import sync_stream

if TYPE_CHECKING:
    from gateway.mta import Event
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def write(
    spool: Spool,
    stream: IO[bytes],
    own: str,
    names: Mapping[str, str],
    *,
    max_niceness: int = 255,
    delete: bool = False,
    report: Callable[[Event], None] = lambda _: None,
) -> Exchanged:
    """Write all packets that wait for the given nodes (id text to name) into `stream`.

    A packet that does not hash to its name is left out. With `delete`, packets leave the
    spool once the stream has taken the last byte of all of them, and is synced if it is a file;
    whoever wants to be sure reads the medium again (`read`, `verify`) and deletes then.

    Raises:
        OSError: the stream takes no more: what was written is no whole bundle, nothing was deleted.
    """
    account = Account("bundle", "", report)
    written: list[tuple[Job, str, int]] = []
    for node, name in sorted(names.items(), key=lambda item: item[1]):
        try:
            with spool.lock(node, "tx"):
                for job in waiting(spool, node, name, max_niceness, account):
                    niceness = _write_packet(spool, stream, own, job, account)
                    if niceness is not None:
                        written.append((job, name, niceness))
        except LockBusy:
            account.postpone(f"{name}: another process is sending to it: skipped")
    stream.write(END)
    stream.flush()
    sync_stream(stream.fileno())
    for job, name, niceness in written:
        account.sent(job.name, name, niceness=niceness, size=job.size)
        if delete:
            spool.drop_sent(job.node, job.name)
    return account.result()


def _write_packet(spool: Spool, stream: IO[bytes], own: str, job: Job, account: Account) -> int | None:
    """Write one packet; return its niceness, or None if it was left out."""
    where = f"tx/{job.name}"
    try:
        with spool.open(job) as file:
            size = os.fstat(file.fileno()).st_size
            # Once the header is out the content must follow: so it is proved before.
            for _ in checked(file, job.name, size):
                pass
            file.seek(0)
            niceness = Header.decode(file.read(HEADER_SIZE)).niceness
            file.seek(0)
            stream.write(headers(job.node, own, job.name, size))
            for chunk in checked(file, job.name, size):
                stream.write(chunk)
            stream.write(filling(size))
    except UnknownJob:
        return None
    except NotIntact:
        account.failed(where, "damaged on our disk: left where it is")
        return None
    except (SpoolError, BadPacket) as failure:
        account.failed(where, failure)
        return None
    return niceness
