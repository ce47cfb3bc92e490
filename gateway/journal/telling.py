"""An event of the journal in one line for people."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.journal.entry import Entry

TONES: dict[str, Literal["good", "warn", "bad", "quiet"]] = {
    "delivered": "good",
    "acknowledged": "good",
    "deferred": "warn",
    "delayed": "warn",
    "held": "bad",
    "call-failed": "bad",
    "call-started": "quiet",
    "call-finished": "quiet",
}
"""How an event strikes who reads of it, by its kind; the others are neither good nor bad."""

_FEW = 3
_SECONDS = len("2026-01-01T00:00:00")


def local_time(when: str) -> str:
    """Return a time of the journal as the clock on the wall shows it, or as it stands there."""
    try:
        moment = calendar.timegm(time.strptime(when[:_SECONDS], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return when
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def account(entry: Entry) -> str:
    """Return what there is to say of an event beside its kind, its node and its packet."""
    teller = _TELLERS.get(entry.event, _whatever)
    return "; ".join(part for part in teller(entry) if part)


_Parts = Iterator[str]


def _submitted(entry: Entry) -> _Parts:
    detail = entry.detail
    if detail.get("type") == "ack":
        yield f"acknowledges {_word(detail, 'of')} {_word(detail, 'state')}".rstrip()
        return
    yield _job(detail)
    yield f"reports on {_word(detail, 'report_of')[:12]}" if detail.get("report_of") else ""
    yield from _delays(detail)
    yield from _messages(detail)
    yield from _origin(detail)
    layers = detail.get("layers")
    if isinstance(layers, list) and len(layers) > 1:
        yield "inside it " + ", ".join(str(name)[:12] for name in layers[1:])


def _delays(detail: Mapping[str, object]) -> _Parts:
    waiting = detail.get("delay_of")
    if isinstance(waiting, list) and waiting:
        names = ", ".join(str(name)[:12] for name in waiting[:_FEW])
        more = f" and {len(waiting) - _FEW} more" if len(waiting) > _FEW else ""
        yield f"tells that {names}{more} wait{'s' * (len(waiting) == 1)}"


def _origin(detail: Mapping[str, object]) -> _Parts:
    process = detail.get("process")
    by = ""
    if isinstance(process, Mapping) and process.get("parent"):
        by = f"from {process.get('program') or 'process'}[{process['parent']}]"
    queue = _word(detail, "message_id")
    yield " ".join(part for part in (by, f"as {queue}" if queue else "") if part)


def _moved(entry: Entry) -> _Parts:
    detail = entry.detail
    yield f"{entry.size} bytes" if entry.size else ""
    yield f"by {_word(detail, 'link')} {_word(detail, 'path')}".rstrip() if detail.get("link") else ""
    yield f"known already ({_word(detail, 'known')})" if detail.get("known") else ""
    yield f"session {_word(detail, 'session')}" if detail.get("session") else ""


def _relayed(entry: Entry) -> _Parts:
    detail = entry.detail
    yield f"to {_word(detail, 'next')} as {_word(detail, 'as')[:12]}"


def _delivered(entry: Entry) -> _Parts:
    detail = entry.detail
    yield _job(detail)
    yield from _messages(detail)
    queue_ids = detail.get("queue_ids")
    if isinstance(queue_ids, list) and queue_ids:
        yield "taken as " + ", ".join(map(str, queue_ids))


def _failed(entry: Entry) -> _Parts:
    yield entry.text
    yield _job(entry.detail)
    yield from _messages(entry.detail)


def _acknowledged(entry: Entry) -> _Parts:
    detail = entry.detail
    state = _word(detail, "state") or "received"
    yield f"{state}: {entry.text}" if entry.text else state
    yield f"packet {_word(detail, 'of')[:12]}"


def _call(entry: Entry) -> _Parts:
    detail = entry.detail
    yield entry.text
    yield f"at {_word(detail, 'addr')}" if detail.get("addr") else ""
    if "duration" in detail:
        yield f"{detail['duration']} s"
        yield f"received {detail.get('rx_bytes', 0)} bytes, sent {detail.get('tx_bytes', 0)}"
    yield f"session {_word(detail, 'session')}" if detail.get("session") else ""


def _whatever(entry: Entry) -> _Parts:
    yield entry.text


_TELLERS = {
    "submitted": _submitted,
    "sent": _moved,
    "received": _moved,
    "relayed": _relayed,
    "delivered": _delivered,
    "deferred": _failed,
    "held": _failed,
    "acknowledged": _acknowledged,
    "call-started": _call,
    "call-finished": _call,
    "call-failed": _call,
}


def _job(detail: Mapping[str, object]) -> str:
    return f"handle {detail['handle']}" if detail.get("handle") else ""


def _messages(detail: Mapping[str, object]) -> _Parts:
    messages = detail.get("messages")
    if not isinstance(messages, list):
        return
    for message in messages[:_FEW]:
        if isinstance(message, Mapping):
            recipients = message.get("to")
            to = [str(one) for one in recipients] if isinstance(recipients, list) else []
            more = f" and {len(to) - _FEW} more" if len(to) > _FEW else ""
            queue = f" (queue id {message['queue']})" if message.get("queue") else ""
            name = f" {message['id']}" if message.get("id") else ""
            yield f"<{message.get('from', '')}> to {', '.join(to[:_FEW])}{more}{name}{queue}"
    if len(messages) > _FEW:
        yield f"and {len(messages) - _FEW} more messages"


def _word(detail: Mapping[str, object], key: str) -> str:
    value = detail.get(key)
    return value if isinstance(value, str) else ""
