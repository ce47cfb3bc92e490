"""Sending: from ``tx`` to the medium, and only then out of ``tx``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.errors import BadPacket, LockBusy, SpoolError, UnknownJob
from gateway.links.content import NotIntact, checked
from gateway.links.outbound import waiting
from gateway.packet.header import HEADER_SIZE, Header
from gateway.spool.medium import Folder

if TYPE_CHECKING:
    from gateway.links.account import Account
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


class Sender:
    """Sends out of one spool; `keep` leaves the originals there."""

    def __init__(
        self, spool: Spool, account: Account, own: str, *, max_niceness: int, keep: bool, mkdir: bool
    ) -> None:
        self._spool = spool
        self._account = account
        self._own = own
        self._max_niceness = max_niceness
        self._keep = keep
        self._mkdir = mkdir

    def send(self, medium: Folder, node: str, name: str) -> None:
        """Put there everything that waits for one node."""
        try:
            if next(iter(self._spool.jobs(node, "tx")), None) is None:
                return
            with self._spool.lock(node, "tx"):
                self._send_all(medium, node, name)
        except LockBusy:
            self._account.postpone(f"{name}: another process is sending to it: skipped")
        except SpoolError as failure:
            self._account.failed(name, failure)
        except OSError as failure:
            self._account.failed(os.path.join(medium.path, node), failure)

    def _send_all(self, medium: Folder, node: str, name: str) -> None:
        jobs = waiting(self._spool, node, name, self._max_niceness, self._account)
        if not jobs:
            return
        above = medium.folder(node, create=self._mkdir)
        if above is None:
            where = f"{medium.path} has no directory {node}"
            self._account.note(f"{name}: {len(jobs)} waiting, but {where} (--mkdir makes it)")
            return
        with above:
            target = above.folder(self._own, create=True)
            if target is None:
                raise FileNotFoundError(None, "went away as soon as it was made", self._own)
            with target:
                target.sweep()  # Under the lock, an unfinished copy of ours is a dead one.
                for job in jobs:
                    self._send_packet(target, job, name)

    def _send_packet(self, target: Folder, job: Job, name: str) -> None:
        where = f"tx of {name}: {job.name}"
        path = os.path.join(target.path, job.name)
        try:
            with self._spool.open(job) as file:
                niceness = Header.decode(file.read(HEADER_SIZE)).niceness
                file.seek(0)
                if _lies_there(target, job.name, job.size):
                    target.settle(job.name)
                    self._account.present()
                elif job.size > target.free():
                    self._account.postpone(f"{path}: no room for {job.size} bytes: still queued for {name}")
                    return
                else:
                    target.put(job.name, checked(file, job.name, job.size))
                    self._account.sent(job.name, name, niceness=niceness, size=job.size)
            if not self._keep:
                self._spool.drop_sent(job.node, job.name)
        except UnknownJob:
            return
        except NotIntact:
            self._account.failed(where, "damaged on our disk: left where it is")
        except (SpoolError, BadPacket) as failure:
            self._account.failed(where, failure)
        except OSError as failure:
            self._account.failed(path, failure)


def _lies_there(target: Folder, name: str, size: int) -> bool:
    """Whether the medium holds that packet of so many bytes, whole."""
    try:
        with target.open(name) as file:
            if os.fstat(file.fileno()).st_size != size:
                return False  # a file with a hole of a terabyte would keep us for hours
            for _ in checked(file, name, size):
                pass
    except (OSError, NotIntact):
        return False
    return True
