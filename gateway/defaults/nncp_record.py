"""Events as records of NNCP's log.

Keys of `Event.detail` that find their way into NNCP's fields:

===============  =========  ========================================================================
key              field      meaning
===============  =========  ========================================================================
``type``         Type       ``exec`` (default), ``trns``, ``ack``
``handle``       Dst        the handle, followed by
``arguments``    Dst        its arguments
``next``         Dst        the node a packet was relayed to
``reply_nice``   ReplyNice  niceness of answers
``inner``        Inner      the name that the final recipient will see
``message_id``   MessageId  the MTA's own word for the message
``output``       Output     what a program printed, any number of lines
``link``         Who        ``xfer``, ``bundle``, ``call`` (default): by which way it moved
``path``         Dir        the directory of ``xfer``
``known``                   true: it came, but we had it already
``of``           Pkt, Dst   the packet that an acknowledgement is about
``state``                   what an acknowledgement says of it
``addr``         Addr       where we called
``duration``     Duration   of a session [s]
``rx_bytes``     RxBytes    of a session, with RxSpeed [bytes/s]; ``tx_bytes`` likewise
``offered``      Pkts       what both ends announced: a pair of packets and bytes by ``rx`` and ``tx``
``who``          Who        the kind of failure, if not ``rx-handle`` or, without a handle, ``rx-open``
===============  =========  ========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from gateway.mta import Event, EventKind

if TYPE_CHECKING:
    from gateway.config.model import Config

_LONGEST = 4096
"""Characters of one field."""


def records(event: Event, config: Config, when: str) -> str:
    """Return one record, or several: NNCP tells of what was announced in records of their own."""
    found = [FIELDS[event.kind](event, config)]
    if event.kind is EventKind.CALL_FINISHED:
        found = [*_announced(event, config), *found]
    return "".join(_record((("When", when), *fields)) for fields in found)


def _record(fields: Iterable[tuple[str, object]]) -> str:
    lines = [""]
    for name, value in fields:
        if name == "Output":
            first, *more = str(value).splitlines() or [""]
            lines += [f"{name}: {_printable(first)}", *(f"+ {_printable(line)}" for line in more)]
        else:
            lines.append(f"{name}: {_printable(str(value))}")
    return "\n".join(lines) + "\n"


_Fields = Iterator[tuple[str, object]]


def _submitted(event: Event, config: Config) -> _Fields:
    detail = event.detail
    yield "Who", "tx"
    yield "Type", detail.get("type", "exec")
    if detail.get("type") == "ack":
        yield "Node", _id(event.node, config)
        yield "Nice", event.niceness
        yield "Pkt", detail.get("of", "")
        yield "NewPkt", event.packet
        yield "Msg", f"acknowledgement of {detail.get('of')} queued for {event.node}: {event.packet}"
        return
    yield "Node", _id(event.node, config)
    yield "Nice", event.niceness
    yield "ReplyNice", detail.get("reply_nice", event.niceness)
    yield "Dst", _destination(event, config)
    yield "Size", event.size
    yield "Pkt", event.packet
    yield from _extra(detail)
    yield "Msg", f"{_what(event)} queued for {event.node}{_which(event)}"


def _tossed(event: Event, config: Config) -> _Fields:
    yield "Who", "rx"
    yield from _job(event, config)
    became = f"relayed to {event.detail.get('next')}" if event.kind is EventKind.RELAYED else "delivered"
    yield "Msg", f"{_what(event)} from {event.node} {became}{_which(event)}"


def _failed(event: Event, config: Config) -> _Fields:
    yield "Err", event.text or event.kind.value
    yield "Who", event.detail.get("who") or ("rx-handle" if "handle" in event.detail else "rx-open")
    yield from _job(event, config)
    if event.detail.get("output"):
        yield "Output", event.detail["output"]
    became = "to be tried again" if event.kind is EventKind.DEFERRED else "held"
    yield "Msg", f"{_what(event)} from {event.node} {became}{_which(event)}"


def _moved(event: Event, config: Config) -> _Fields:
    sent = event.kind is EventKind.SENT
    link = event.detail.get("link", "call")
    way = "tx" if sent else "rx"
    seen = "-seen" if event.detail.get("known") and link == "xfer" else ""
    yield (
        "Who",
        f"{link}-{way}{seen}" if link in ("xfer", "bundle") else "sp-done" if sent else "sp-file-done",
    )
    yield "XX", way
    if event.detail.get("path"):
        yield "Dir", event.detail["path"]
    yield "Node", _id(event.node, config)
    yield "Nice", event.niceness
    yield "Pkt", event.packet
    yield "File", event.packet
    yield "FullSize", event.size
    yield "Size", event.size
    verb = (
        "sent to" if sent else "known already, again from" if event.detail.get("known") else "received from"
    )
    yield "Msg", f"{_what(event)} {verb} {event.node}{_which(event)}"


def _delayed(event: Event, config: Config) -> _Fields:
    yield "Who", "tx-delayed"
    yield "Node", _id(event.node, config)
    yield "Nice", event.niceness
    yield "Pkt", event.packet
    yield "Size", event.size
    yield "Msg", f"{_what(event)} for {event.node} {event.text}{_which(event)}"


def _acknowledged(event: Event, config: Config) -> _Fields:
    detail = event.detail
    yield "Who", "rx"
    yield "Node", _id(event.node, config)
    yield "Pkt", event.packet
    yield "Nice", event.niceness
    yield "Size", event.size
    yield "Type", "ack"
    yield "Dst", detail.get("of", "")
    says = ": ".join(filter(None, (str(detail.get("state") or "received"), event.text)))
    yield "Msg", f"{event.node} says of {detail.get('of')}: {says}"


def _call(event: Event, config: Config) -> _Fields:
    detail, kind = event.detail, event.kind
    addr = f" at {detail['addr']}" if detail.get("addr") else ""
    if kind is EventKind.CALL_FAILED or (event.text and detail.get("broken")):
        yield "Err", event.text
    yield "Who", {EventKind.CALL_FAILED: "calling"}.get(kind, kind.value)
    yield "Node", _id(event.node, config) if event.node else "unknown"
    if detail.get("addr"):
        yield "Addr", detail["addr"]
    if kind is EventKind.CALL_FINISHED:
        seconds = float(str(detail.get("duration", 0)))
        yield "Duration", f"{seconds:.0f}"
        for way in ("Rx", "Tx"):
            count = int(str(detail.get(f"{way.lower()}_bytes", 0)))
            yield f"{way}Bytes", count
            yield f"{way}Speed", int(count / max(seconds, 1))
    what = {EventKind.CALL_STARTED: "connected", EventKind.CALL_FINISHED: "finished"}.get(kind, "not reached")
    yield "Msg", f"call with {event.node or 'unknown'}{addr} {what}"


def _announced(event: Event, config: Config) -> Iterator[_Fields]:
    offered = event.detail.get("offered")
    for way, both in offered.items() if isinstance(offered, Mapping) else ():
        packets, size = both
        if packets:
            yield _offered(event, config, way, packets, size)


def _offered(event: Event, config: Config, way: str, packets: int, size: int) -> _Fields:
    yield "Who", f"sp-infos-{way}"
    yield "XX", way
    yield "Node", _id(event.node, config)
    yield "Pkts", packets
    yield "Size", size
    yield "Msg", f"{packets} packets ({size} B) announced {'by' if way == 'rx' else 'to'} {event.node}"


FIELDS = {
    EventKind.SUBMITTED: _submitted,
    EventKind.SENT: _moved,
    EventKind.RECEIVED: _moved,
    EventKind.RELAYED: _tossed,
    EventKind.DELIVERED: _tossed,
    EventKind.DEFERRED: _failed,
    EventKind.HELD: _failed,
    EventKind.DELAYED: _delayed,
    EventKind.ACKNOWLEDGED: _acknowledged,
    EventKind.CALL_STARTED: _call,
    EventKind.CALL_FINISHED: _call,
    EventKind.CALL_FAILED: _call,
}


def _job(event: Event, config: Config) -> _Fields:
    yield "Node", _id(event.node, config)
    yield "Pkt", event.packet
    yield "Nice", event.niceness
    yield "Size", event.size
    if "handle" in event.detail or "type" in event.detail:
        yield "Type", event.detail.get("type", "exec")
        yield "Dst", _destination(event, config)
    yield from _extra(event.detail)


def _extra(detail: Mapping[str, object]) -> _Fields:
    for key, name in (("inner", "Inner"), ("message_id", "MessageId")):
        if detail.get(key):
            yield name, detail[key]


def _destination(event: Event, config: Config) -> str:
    following = event.detail.get("next")
    return _id(str(following), config) if following else _job_words(event)


def _job_words(event: Event) -> str:
    arguments = event.detail.get("arguments", ())
    words = arguments if isinstance(arguments, (list, tuple)) else ()
    return " ".join(map(str, (event.detail.get("handle", ""), *words))).strip()


def _what(event: Event) -> str:
    return _job_words(event) or "packet"


def _which(event: Event) -> str:
    return f" ({event.size} B): {event.packet}"


def _id(node: str, config: Config) -> str:
    neighbour = config.neighbours.get(node)
    if neighbour is None:
        return node
    from gateway.packet.identity import id_text  # noqa: PLC0415 - loaded already wherever packets are

    return id_text(neighbour.id)


def _printable(text: str) -> str:
    """Return text on one line that no peer can make look like more fields, bounded in length."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
