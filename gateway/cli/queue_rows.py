"""How a packet of the queue is shown: as JSON, as a line of a table, as a page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.packet import niceness
from gateway.packet.identity import encode
from gateway.stderr import printable

if TYPE_CHECKING:
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
        self.width = max(_SHORT, *map(len, self._by_text.values()), 0)

    def of_id(self, node_id: bytes) -> str:
        """Return the name for a 32-byte id."""
        found = self._by_id.get(node_id)
        if found is None:
            found = self._by_id[node_id] = encode(node_id)
        return found

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
        "sender_id": encode(header.sender) if header else None,
        "recipient": names.of_id(header.recipient) if header else None,
        "recipient_id": encode(header.recipient) if header else None,
        "attempts": record.attempts if record else 0,
        "deaths": record.deaths if record else 0,
        "first": int(record.first) if record and record.first else None,
        "next": int(record.next) if record and record.next else None,
        "error": record.error if record else "",
        "reason": record.reason if record else "",
        "taken": {n: None if who is None else list(who) for n, who in record.taken.items()} if record else {},
        "refused": {n: dict(texts) for n, texts in record.refused.items()} if record else {},
        "history": list(record.history) if record else [],
    }


class Table:
    """Lines for people, of equal columns; `headers` adds what stands in the packets' headers."""

    def __init__(self, names: Names, now: float, *, headers: bool) -> None:
        self._names = names
        self._now = now
        self._headers = headers
        node = f"{{:{names.width}}}"
        columns = ["{:12}", "{:10}", node, *((node, "{:4}") if headers else ()), "{:>8}", "{:4}", "{}"]
        self._line = "  ".join(columns).format

    def heading(self) -> str:
        """Return the names of the columns."""
        extra = ("FROM", "NICE") if self._headers else ()
        return self._line("PACKET", "STATE", "NODE", *extra, "SIZE", "AGE", "NOTE")

    def line(self, row: Row) -> str:
        """Return the line of a packet."""
        extra: tuple[str, ...] = ()
        if self._headers and row.header is None:
            extra = ("?", "?")
        elif self._headers and row.header is not None:
            sender = self._names.of_id(row.header.sender)
            extra = (_short(sender, self._names.width), niceness.format(row.header.niceness))
        job = row.job
        return self._line(
            job.name[:_SHORT],
            row.state.value,
            _short(self._names.of_text(job.node), self._names.width),
            *extra,
            _size(job.size),
            _age(self._now - job.mtime),
            _note(row.record, self._now) if row.record else "",
        ).rstrip()


def _note(record: JobRecord, now: float) -> str:
    if record.reason:
        return printable(record.reason)
    due = f"next in {_age(record.next - now)}" if record.next > now else "due"
    return printable(f"attempt {record.attempts}, {due}: {record.error}" if record.attempts else due)


def page(facts: dict[str, object], now: float) -> str:
    """Return the facts of one packet, a line each, for people; empty ones are left out."""
    lines = [str(facts["packet"])]
    for key, value in facts.items():
        if key == "packet" or value in (None, "", [], {}) or (key in ("attempts", "deaths") and not value):
            continue
        lines += [f"  {key.replace('_', ' '):12}  {text}" for text in _texts(key, value, now)]
    return "\n".join(lines)


def _texts(key: str, value: object, now: float) -> list[str]:
    """Return the lines for one fact."""
    match key, value:
        case "time" | "first" | "next", int(moment):
            found = [_when(moment, now)]
        case "size", int(count):
            found = [f"{count} bytes"]
        case "niceness", int(number):
            found = [f"{number} ({niceness.format(number)})"]
        case "verified", bool(whole):
            found = ["to its last byte" if whole else "no"]
        case "envelopes", list(envelopes):
            found = [f"<{each['sender']}> to {', '.join(each['recipients'])}" for each in envelopes]
        case _, dict(transactions):
            found = [f"transaction {number}: {_who(what)}" for number, what in transactions.items()]
        case _, list(several):
            found = [str(each) for each in several]
        case _:
            found = [str(value)]
    return [printable(text) for text in found]


def _when(moment: float, now: float) -> str:
    distance = f"{_age(now - moment)} ago" if moment <= now else f"in {_age(moment - now)}"
    try:
        local = time.localtime(moment)
    except (OverflowError, OSError, ValueError):
        return f"{moment:g} (no time)"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S %z', local)} ({distance})"


def _who(what: object) -> str:
    if what is None:
        return "all of it"
    if isinstance(what, dict):
        return "; ".join(f"{who}: {said}" for who, said in what.items())
    return ", ".join(map(str, what)) if isinstance(what, list) else str(what)


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "+"


def _size(count: int) -> str:
    """Return a size in at most eight characters."""
    if count < _THREE_DIGITS:
        return f"{count} B"
    size = count / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if size < _THREE_DIGITS:
            return f"{size:.1f} {unit}" if size < _ONE_DIGIT else f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _age(seconds: float) -> str:
    """Return a length of time in its greatest unit."""
    for factor, unit in _STEPS:
        if seconds >= factor:
            return f"{seconds // factor:.0f}{unit}"
    return "0s"
