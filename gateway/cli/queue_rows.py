"""How a packet of the queue is shown: as an object of JSON, as a row of a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.cli.table import Cell, Column, Tinted
from gateway.engine.queue import State
from gateway.packet import niceness
from gateway.packet.identity import encode

if TYPE_CHECKING:
    from gateway.cli.table import Tone
    from gateway.config.model import Config
    from gateway.engine.queue import Row
    from gateway.spool.record import JobRecord

_SHORT = 12
_ONE_DIGIT = 9.95
_THREE_DIGITS = 999.5
_STEPS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))


class Names:
    """The configured names of nodes, by id; a stranger's is its id."""

    def __init__(self, config: Config) -> None:
        known = sorted(config.neighbours.values(), key=lambda node: node.name != "self")
        self._by_id = {node.id: node.name for node in known}
        self._by_text = {encode(node_id): name for node_id, name in self._by_id.items()}
        self._text = {node_id: encode(node_id) for node_id in self._by_id}
        self.width = max(_SHORT, *map(len, self._by_text.values()), 0)

    def of_id(self, node_id: bytes) -> str:
        """Return the name for a 32-byte id."""
        found = self._by_id.get(node_id)
        if found is None:
            found = self._by_id[node_id] = self.text_of(node_id)
        return found

    def text_of(self, node_id: bytes) -> str:
        """Return a 32-byte id as it stands in the spool."""
        found = self._text.get(node_id)
        if found is None:
            found = self._text[node_id] = encode(node_id)
        return found

    def short(self, text: str) -> str:
        """Return the name for an id, in no more characters than `width`."""
        return _short(self.of_text(text), self.width)

    def of_text(self, text: str) -> str:
        """Return the name for an id as it stands in the spool."""
        return self._by_text.get(text, text)


def describe(row: Row, names: Names) -> dict[str, object]:
    """Return the facts of a packet, the values fit for JSON; keys are only ever added.

    Times are unix seconds; sizes bytes; what is not known is null.
    """
    job, header, record = row.job, row.header, row.record
    return {
        "packet": job.name,
        "state": row.state.value,
        "direction": "tx" if row.outbound else "rx",
        "node": names.of_text(job.node),
        "node_id": job.node,
        "size": job.size,
        "time": int(job.mtime),
        "niceness": header.niceness if header else None,
        "sender": names.of_id(header.sender) if header else None,
        "sender_id": names.text_of(header.sender) if header else None,
        "recipient": names.of_id(header.recipient) if header else None,
        "recipient_id": names.text_of(header.recipient) if header else None,
        "attempts": record.attempts if record else 0,
        "deaths": record.deaths if record else 0,
        "first": int(record.first) if record and record.first else None,
        "next": int(record.next) if record and record.next else None,
        "error": record.error if record else "",
        "reason": record.reason if record else "",
        "taken": {n: None if who is None else list(who) for n, who in record.taken.items()} if record else {},
        "refused": {n: dict(texts) for n, texts in record.refused.items()} if record else {},
        "history": list(record.history) if record else [],
        "expires": int(record.expires) if record and record.expires else None,
        "warned": list(row.warned),
    }


class JsonLines:
    """The same as JSON, a line each; the usual packet, of which nothing is remembered, quickly."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._quoted: dict[bytes | str, tuple[str, str]] = {}

    def line(self, row: Row) -> str:
        """Return what `json.dumps` makes of `describe`."""
        job, header = row.job, row.header
        if row.record is not None or header is None or row.warned:
            return json.dumps(describe(row, self._names))
        return (
            f'{{"packet": "{job.name}", "state": "{row.state.value}",'
            f' "direction": "{"tx" if job.box == "tx" else "rx"}",'
            f' {self._pair("node", job.node)}, "size": {job.size}, "time": {int(job.mtime)},'
            f' "niceness": {header.niceness}, {self._pair("sender", header.sender)},'
            f" {self._pair('recipient', header.recipient)}, {_NOTHING_REMEMBERED}"
        )

    def _pair(self, key: str, node: bytes | str) -> str:
        """Return ``"key": NAME, "key_id": ID`` for an id."""
        name, text = self._quoted.get(node) or self._quote(node)
        return f'"{key}": {name}, "{key}_id": {text}'

    def _quote(self, node: bytes | str) -> tuple[str, str]:
        text = node if isinstance(node, str) else self._names.text_of(node)
        quoted = self._quoted[node] = json.dumps(self._names.of_text(text)), json.dumps(text)
        return quoted


_NOTHING_REMEMBERED = (
    '"attempts": 0, "deaths": 0, "first": null, "next": null, "error": "", "reason": "",'
    ' "taken": {}, "refused": {}, "history": [], "expires": null, "warned": []}'
)
_WARNED = "its sender was told that it waits"
_TONES: dict[State, Tone] = {State.DEFERRED: "warn", State.HELD: "bad", State.REMOVED: "quiet"}


class Listing:
    """Rows for people; `headers` adds what stands in the packets' headers."""

    def __init__(self, names: Names, now: float, *, headers: bool) -> None:
        self._names = names
        self._now = now
        self._headers = headers

    @property
    def columns(self) -> list[Column]:
        """The columns of `show_table`."""
        width = self._names.width
        extra = [Column("FROM", width), Column("NICE", 4)] if self._headers else []
        return [
            Column("PACKET", _SHORT),
            Column("STATE", 10),
            Column("NODE", width),
            *extra,
            Column("SIZE", 8, right=True),
            Column("AGE", 4),
            Column("NOTE", 0, wraps=True),
        ]

    def row(self, row: Row) -> tuple[Cell, ...]:
        """Return the cells of a packet."""
        extra: tuple[str, ...] = ()
        if self._headers and row.header is None:
            extra = ("?", "?")
        elif self._headers and row.header is not None:
            sender = self._names.of_id(row.header.sender)
            extra = (_short(sender, self._names.width), niceness.format(row.header.niceness))
        job, tone = row.job, _TONES.get(row.state)
        return (
            job.name[:_SHORT],
            Tinted(row.state.value, tone) if tone else row.state.value,
            self._names.short(job.node),
            *extra,
            size_text(job.size),
            age_text(self._now - job.mtime),
            _note(row.record, self._now) if row.record else _WARNED if row.warned else "",
        )


def _note(record: JobRecord, now: float) -> str:
    if record.expires:
        until = f"gone in {age_text(record.expires - now)}" if record.expires > now else "expired"
        return f"{until}: {record.reason}"
    if record.reason:
        return record.reason
    due = f"next in {age_text(record.next - now)}" if record.next > now else "due"
    return f"attempt {record.attempts}, {due}: {record.error}" if record.attempts else due


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "+"


def size_text(count: int) -> str:
    """Return a size in at most eight characters."""
    if count < _THREE_DIGITS:
        return f"{count} B"
    size = count / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if size < _THREE_DIGITS:
            return f"{size:.1f} {unit}" if size < _ONE_DIGIT else f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def age_text(seconds: float) -> str:
    """Return a length of time in its greatest unit."""
    for factor, unit in _STEPS:
        if seconds >= factor:
            return f"{seconds // factor:.0f}{unit}"
    return "0s"
