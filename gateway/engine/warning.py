"""Warnings: who sent mail that waits in a queue for too long hears of it, once, from his own node.

The packet is sealed, so what is known of it is what the journal says of its submission. The reports are
packets from ourselves to ourselves, and reach the MTA here by our own handle, as any node's mail does.
They go out once, whatever dies meanwhile (`gateway.spool.delayed`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.cargo import descriptions
from gateway.engine.ground import identity_of, self_name
from gateway.engine.posting import Report, at_once, envelope_to, write_reports
from gateway.errors import Malformed, Refused, UnknownNode
from gateway.journal.past import last_session, submissions
from gateway.journal.place import place_of
from gateway.mail.answerable import objection_to_delay
from gateway.mail.envelope import ReversePath
from gateway.mail.report import Failure, Occasion, write_report
from gateway.packet.identity import decode, encode
from gateway.packet.niceness import PRIORITY
from gateway.spool import delayed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.config.model import Config, Neighbour
    from gateway.journal.entry import Entry
    from gateway.mta import Event
    from gateway.registry import Registry
    from gateway.spool.delayed import Memory
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

MOST = 1000
"""Packets whose senders are told in one look: what is left waits for the next one, and the MTA breathes."""
NO_ANSWER = "4.4.1"
"""The status (RFC 3463 3.5) of who is to be reached through a node that is not."""


class _Message(NamedTuple):
    """One message of a packet, as the journal has it; `fields` are those that say who may be answered."""

    sender: ReversePath
    recipients: list[str]
    message_id: str
    fields: str


class _Delay(NamedTuple):
    """One report that is to be made: about a message, number and packet of one mention, all recipients."""

    job: Job
    number: int
    message: _Message
    recipients: dict[str, None]


class Warnings:
    """Tells the senders of one spool's waiting mail; `own` is our node, whose handle gets the reports."""

    def __init__(self, config: Config, spool: Spool, registry: Registry, own: Neighbour) -> None:
        self._config = config
        self._spool = spool
        self._registry = registry
        self._own = own

    def send(self, node: str, jobs: Sequence[Job], memory: Memory) -> Memory:
        """Tell the senders of packets that wait for a node, `MOST` at once; hold the node's toss lock.

        Returns what is to be remembered from now on. If anybody was told, that is on disk.

        Raises:
            GatewayError: temporary; nobody was told.
        """
        jobs = jobs[:MOST]
        place = place_of(self._config)
        times = [job.mtime for job in jobs]
        found: Mapping[str, Entry] = {}
        if place.enabled:
            found = submissions(place.path, {job.name for job in jobs}, min(times), max(times))
        delays: dict[tuple[str, str], _Delay] = {}
        senders = {**memory.senders}
        for job in jobs:
            heard: list[str] = []
            for number, message in enumerate(_messages(found.get(job.name))):
                if not self._may_hear(message):
                    continue
                # A message with many recipients may have become several packets.
                key = str(message.sender), message.message_id or f"{job.name}.{number}"
                delay = delays.setdefault(key, _Delay(job, number, message, {}))
                delay.recipients.update(dict.fromkeys(message.recipients))
                heard.append(str(message.sender))
            senders[job.name] = tuple(heard)
        memory = memory._replace(senders=senders, reports=())
        return self._post(node, list(delays.values()), memory) if delays else memory

    def _may_hear(self, message: _Message) -> bool:
        """Say whether nothing speaks against a report, by the rules of every report and of this site."""
        fields = f"{message.fields}\n".encode("utf-8", "backslashreplace")
        if objection_to_delay(message.sender, fields) is not None:
            return False
        try:
            envelope = envelope_to(message.sender)
            self._registry.check_submission(envelope, self._own.name)
            # Who has his mail at another node hears what its own table lets him hear.
            return self._config.neighbour(self._registry.route(envelope)).bounce
        except UnknownNode:
            return True
        except (Malformed, Refused):
            return False

    def _post(self, node: str, delays: list[_Delay], memory: Memory) -> Memory:
        """Send the reports; the memory that names them decides whether they are sent."""
        identity, step, words = identity_of(self._config), at_once(self._own), self._words(node)
        names: list[str] = []
        news: list[Event] = []
        for begin in range(0, len(delays), step):
            some = delays[begin : begin + step]
            reports = [self._report(delay, words) for delay in some]
            ours = self._config, identity, self._spool
            draft = write_reports(*ours, self._own, reports, niceness=PRIORITY)
            try:
                assert draft.sealed is not None, "what is written is sealed"
                delayed.prepare(self._spool, node, draft.staged, draft.sealed.name)
            finally:
                draft.discard()
            names.append(f"{encode(self._own.id)}/{draft.sealed.name}")
            about = [delay.job.name for delay in some]
            news.append(draft.news({"messages": descriptions(draft.items), "delay_of": about}))
        memory = memory._replace(reports=tuple(names))
        delayed.send(self._spool, node, memory)
        for event in news:
            self._registry.event(event)
        return memory

    def _report(self, delay: _Delay, words: str) -> Report:
        message_id = delay.message.message_id
        occasion = Occasion(
            "delayed",
            host=self_name(self._config),
            node=self._own.name,
            packet=delay.job.name,
            number=str(delay.number),
            arrived=delay.job.mtime,
            attempted=time.time(),
            head=f"Message-ID: {message_id}\n".encode("utf-8", "backslashreplace") if message_id else b"",
            waits=True,
            message_id=message_id,
        )
        sender = delay.message.sender
        about = [Failure(recipient, NO_ANSWER, words) for recipient in delay.recipients]
        return Report(sender, write_report(sender, about, occasion))

    def _words(self, node: str) -> str:
        neighbour = self._config.by_id(decode(node))
        name = neighbour.name if neighbour else node
        last = last_session(place_of(self._config).path, name)
        if last is None:
            return f"it waits for the node {name}"
        when = format_datetime(datetime.fromtimestamp(last, UTC))
        return f"it waits for the node {name}, with which we spoke last at {when}"


def _messages(submission: Entry | None) -> Iterator[_Message]:
    """Yield the messages of which a submission tells enough to answer them; the null sender's are not."""
    if submission is None or submission.detail.get("type") != "exec":
        return
    told, fields = submission.detail.get("messages"), submission.detail.get("answering")
    # Without `answering` an older version wrote it: nobody knows whether a machine wrote the message.
    if not isinstance(told, list) or not isinstance(fields, list):
        return
    for one, header in zip(told, fields, strict=False):
        if isinstance(one, Mapping) and one.get("from") and isinstance(one.get("to"), list):
            try:
                sender = ReversePath(str(one["from"]))
            except Malformed:
                continue
            yield _Message(sender, [str(who) for who in one["to"]], str(one.get("id", "")), str(header))
