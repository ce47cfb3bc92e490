"""Answers: packets that go out because of a job in work, each once and no more whatever dies meanwhile.

=====  ============================================  =======================================
state  on disk                                       a crash here leads to
=====  ============================================  =======================================
A0     the job                                       a new beginning
A1     ``work/<NAME>.answer``, synced                the same: nobody said yet what it is
A2     the job's record names it, and what it tells  A3
A3     ``<HOP>/tx/<ANSWER>`` in its place, synced    nothing: the record says that it was sent
=====  ============================================  =======================================

The step to A3 is one rename. Undone by a power cut it is done again, and what a link sent
meanwhile is the same packet under the same name, which its receiver knows.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.spool import durable
from gateway.spool.layout import is_alias

if TYPE_CHECKING:
    from gateway.spool.layout import Job
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool
    from gateway.spool.staged import Staged


def answer(
    spool: Spool,
    job: Job,
    record: JobRecord,
    packet: Staged,
    *,
    hop: str,
    name: str,
    alias: str | None = None,
) -> JobRecord:
    """Queue a complete packet for the neighbour `hop` (A0 to A3); return the record that remembers it.

    `record` is what is to be remembered from the moment the packet counts as sent. `alias` as
    in `Spool.commit`. What an earlier answer left is settled first by `settle`.

    Raises:
        SpoolError: temporary; either nothing was sent and nothing is remembered, or `settle` sends it.
    """
    sent = record._replace(answer=f"{hop}/{name}")
    with durable.uninterrupted():
        packet.place(spool.paths.answer(job.node, job.name))
        spool.record(job, sent)
        settle(spool, job.node, job.name, sent)
    if alias is not None and is_alias(alias):
        with suppress(OSError):
            os.symlink(spool.paths.node(hop), spool.paths.alias(alias))
    return sent


def settle(spool: Spool, node: str, name: str, record: JobRecord) -> None:
    """Bring to its end what a crash interrupted: A2 goes on to A3, A1 back to A0.

    Raises:
        SpoolError: temporary.
    """
    waiting = spool.paths.answer(node, name)
    if not durable.exists(waiting):
        return
    hop, _, sent = record.answer.partition("/")
    if not sent:
        durable.unlink(waiting)
        return
    durable.move(waiting, spool.paths.packet(hop, "tx", sent), floor=spool.root, umask=spool.umask)


def ready(spool: Spool, job: Job, record: JobRecord) -> JobRecord:
    """Settle what was before, and return the record with room for another answer.

    Raises:
        SpoolError: temporary.
    """
    settle(spool, job.node, job.name, record)
    if record.answer:
        record = record._replace(answer="")
        spool.record(job, record)
    return record
