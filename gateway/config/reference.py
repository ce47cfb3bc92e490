"""Every key of our dialect for people: what it is, what it may be, what it is without being written.

Keys and kinds are the schema's, defaults the model's; only the sentences stand here. A key
without a sentence, or a sentence without a key, is an error in this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.config import kinds
from gateway.config.model import Accept, Config, Handle, Limits, MailForm, Neighbour, Retry, Serve
from gateway.config.schema import PATH, TOML, WORDS, Kind, Schema
from gateway.config.units import duration_text, size_text

__all__ = ["SECTIONS", "Row", "rows", "table"]


class Row(NamedTuple):
    """One key: `value` says what it may be, `default` what holds without it, all of it Markdown."""

    key: str
    value: str
    default: str
    meaning: str


class _Section(NamedTuple):
    """A table of the page: the part of the schema that it is about, and a sentence for each key.

    A sentence that begins with a text in brackets brings its own default: ``[any] ...``.
    """

    schema: Schema
    models: Mapping[str, type]
    sentences: Mapping[str, str]


def _part(*path: str) -> Schema:
    part: object = TOML
    for name in path:
        assert isinstance(part, Mapping)
        part = part[name]
    found = part[0] if isinstance(part, list) else part
    assert isinstance(found, Mapping)
    return found


_ROOT: Schema = {k: v for k, v in TOML.items() if k not in ("neigh", "routes", "retry", "serve", "plugin")}
_HANDLE: Schema = {
    "egress": Kind("text", kinds.node_name),
    "command": WORDS,
    "path": PATH,
    "form": Kind("text", kinds.OneOf("bsmtp", "rmail", "sendmail", "raw")),
    "arguments": Kind("text", kinds.OneOf("none", "recipients", "any")),
    "timeout": Kind("any", kinds.duration),
}

SECTIONS: Mapping[str, _Section] = {
    "The node": _Section(
        _ROOT,
        {"": Config},
        {
            "name": "[the host's name] what neighbours may call us; only `gateway node self` uses it",
            "spool": "[required] the spool",
            "log": "[none] NNCP's log or our own; both may write to one file",
            "log-format": 'recfile records, read by `nncp-log`, or `"json"`: an object a line',
            "umask": "what other users may not do with our files",
            "trash-age": "how long `gateway queue remove` keeps a removed packet in the trash",
            "plugins": "[the gateway's own, as far as they are installed] the plugins to load",
            "self": "[required] our keys, or the name of a file with them, relative to this one",
            "nohdr": "do not write NNCP's copies of packet headers",
            "noprogress": "show no progress",
            "nncp": "[none] what NNCP's file had that we only keep, for `gateway config export`",
        },
    ),
    "A neighbour": _Section(
        _part("neigh", "*"),
        {"": Neighbour, "mail": MailForm, "accept": Accept, "limits": Limits},
        {
            "id": "[required] who it is: the hash of `signpub`",
            "exchpub": "[required] the key that packets for it are sealed with",
            "signpub": "[required] the key that proves its packets",
            "noisepub": "[none: no sessions] its key for online sessions",
            "addrs.NAME": "[none] where it answers: `HOST:PORT`, or a command behind a vertical bar",
            "via": "[none: it is met directly] relays, first hop first",
            "mail.form": "how we write mail for it: [forms](forms.md)",
            "mail.handle": "[that of the form] the handle that we write mail for it to",
            "mail.sender": 'where the `sendmail` form puts the sender: `-f`, or (`"header"`) Return-Path',
            "exec.HANDLE": "[nothing] what it may run here: a command line, or [a table](#a-handle)",
            "accept.senders": "[any] from whom mail may be that it sends, `<>` is the null sender",
            "accept.recipients": "[any: it relays through our MTA] to whom",
            "accept.max-size": "the largest body, decompressed",
            "limits.stored": "[none] how much of it may lie in our spool",
            "limits.packets": "[none] how many packets of it may lie there",
            "limits.connections": "[none] how many sessions it may have at a time",
            "ack": "acknowledge what was delivered or held: [receipts](trace.md#receipts)",
            "bounce": "report a final failure to the sender: [non-delivery](non-delivery.md)",
            "warn-after": "[that of `[retry]`] when a person is told of mail that waits for it",
            "calls": "[never] when to call it: a list of [tables](#a-call)",
            "rxrate": "[no limit] protocol packets a second that we receive in a session",
            "txrate": "[no limit] protocol packets a second that we send",
            "onlinedeadline": "seconds of silence after which a session ends",
            "maxonlinetime": "[no limit] seconds that a session may last",
            "incoming": "[refused] where its files go; for NNCP's programs",
            "freq": "[refused] `path`, `chunked`, `minsize`, `maxsize`: what it may ask NNCP's programs for",
        },
    ),
    "A handle": _Section(
        _HANDLE,
        {"": Handle},
        {
            "egress": "who delivers: `exim`, `smtp`, `postfix`, `rmail`, `maildir`, `command`, or a plugin's",
            "command": "[none] program (absolute path) and arguments; no shell",
            "path": "[none] the Maildir, for the egress `maildir`",
            "form": "[by the handle's name, see below] what a body is",
            "arguments": '[`"recipients"` for the forms `rmail` and `sendmail`, else `"none"`]'
            " what of the neighbour's arguments reaches the program",
            "timeout": "how long it may take",
        },
    ),
    "A call": _Section(
        _part("neigh", "*", "calls"),
        {},
        {
            "cron": "[required] when: [calls by the clock](links.md#calls-by-the-clock)",
            "nice": "[everything] nothing that is less urgent, either way",
            "xx": "[both] only receive, or only send",
            "addr": "[all, in random order] one of `addrs`, or an address",
            "when-tx-exists": "[`false`] call only if a packet within `nice` waits to be sent",
            "rxrate": "[the neighbour's] for this call",
            "txrate": "[the neighbour's] for this call",
            "onlinedeadline": "[the neighbour's] for this call",
            "maxonlinetime": "[no limit] seconds that this call may last",
            "autotoss": "[`false`] `gateway caller` delivers what came; `gateway serve` does in any case",
            "autotoss-noexec": "[`false`] but no mail",
            "autotoss-notrns": "[`false`] but relays nothing",
            "autotoss-doseen": "[`false`] changes nothing: packets are always marked as seen",
            "autotoss-nofile": "[`false`] changes nothing: files are left to NNCP's tools",
            "autotoss-nofreq": "[`false`] changes nothing: requests are left to NNCP's tools",
            "autotoss-noarea": "[`false`] changes nothing: areas are left to NNCP's tools",
            "nock": "[`false`] changes nothing: what arrives is always hashed",
            "mcd-ignore": "[`false`] changes nothing: there is no multicast discovery",
        },
    ),
    "Retry": _Section(
        _part("retry"),
        {"": Retry},
        {
            "schedule": "how long to wait after each failed delivery; the last repeats",
            "give-up": "when a job is set aside for a person",
            "warn-after": "when a person is told of mail that still waits to be sent",
            "warn-sender": "whether senders hear, after as long, of mail that waits in a queue of ours",
        },
    ),
    "Serve": _Section(
        _part("serve"),
        {"": Serve},
        {
            "daemon": "[none] address for online sessions",
            "lmtp": "[none] where mail is taken from the MTA",
            "lmtp-node-after": "[none] what stands before a node's name at the end of a local part: with"
            ' `"+"`, mail for `joe+bob@far.example` goes to the node `bob` as mail for `joe@far.example`.'
            " Whoever can write to the MTA can then choose the node",
            "lmtp-max-size": "[any] the largest message that is taken",
            "submit": "[none] socket where [pipe commands hand their work over](serve.md#pipe-commands); on a"
            " line of its own below `[serve]`",
            "metrics": "[none] for Prometheus: loopback address, or file for the node exporter:"
            " [metrics.md](metrics.md)",
            "status": "[none] a page that shows neighbours, queue, holds and last events",
            "jobs": "deliveries at a time, for each neighbour and for all together; those that take longer"
            " than two seconds are not counted",
            "seen-age": "how long a delivered packet is remembered: one that comes again later is"
            " delivered again",
        },
    ),
}

_VALUES: Mapping[object, str] = {
    kinds.text: "text",
    kinds.flag: "true or false",
    kinds.integer: "number",
    kinds.count: "number",
    kinds.positive: "number above 0",
    kinds.words: "list of texts",
    kinds.absolute_path: "path",
    kinds.key: "base32",
    kinds.duration: "duration",
    kinds.durations: "list of durations",
    kinds.size: "size",
    kinds.globs: "list of globs",
    kinds.umask: "octal text",
    kinds.node_name: "name",
    kinds.tcp_address: "`HOST:PORT`",
    kinds.local_address: "path, or address of this machine",
    kinds.separator: "text",
    kinds.cron: "text",
    kinds.niceness: "niceness",
}
_EITHER = {"self": "table, or path", "exec.HANDLE": "list of texts, or table"}
_NAMES = {"exec": "HANDLE", "addrs": "NAME"}


def rows(section: str) -> list[Row]:
    """Return the keys of one of `SECTIONS`, in the order of the page.

    Raises:
        KeyError: a key has no sentence, or a sentence no key.
    """
    schema, models, sentences = SECTIONS[section]
    found = dict(_leaves(schema, sentences))
    if missing := found.keys() ^ sentences.keys():
        msg = f"{section}: keys without a sentence, or sentences without a key: {', '.join(sorted(missing))}"
        raise KeyError(msg)
    made = []
    for key, sentence in sentences.items():
        default, meaning = None, sentence
        if sentence.startswith("["):
            default, _, meaning = sentence[1:].partition("] ")
        made.append(Row(key, _value(key, found[key]), default or _default(key, found[key], models), meaning))
    return made


def table(section: str) -> str:
    """Return the keys of one of `SECTIONS` as a Markdown table."""
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key}` | {value} | {default} | {meaning} |" for key, value, default, meaning in rows(section)
    ]
    return "\n".join(lines) + "\n"


def _leaves(schema: Schema, sentences: Mapping[str, str], above: str = "") -> Iterator[tuple[str, object]]:
    """Yield dotted key and kind of all values; a table that has a sentence is one of them."""
    for name, kind in schema.items():
        word = _NAMES[above] if name == "*" else name
        key = f"{above}.{word}" if above else word
        if isinstance(kind, Mapping) and key not in sentences:
            yield from _leaves(kind, sentences, key)
        else:
            yield key, kind


def _value(key: str, kind: object) -> str:
    if key in _EITHER:
        return _EITHER[key]
    if isinstance(kind, Mapping):
        return "table"
    if isinstance(kind, list):
        return "list of tables"
    assert isinstance(kind, Kind)
    if isinstance(kind.read, kinds.OneOf):
        return " or ".join(f'`"{word}"`' for word in kind.read.known)
    return _VALUES[kind.read]


def _default(key: str, kind: object, models: Mapping[str, type]) -> str:
    above, _, name = key.rpartition(".")
    assert isinstance(kind, Kind)
    defaults: Mapping[str, object] = vars(models[above])["_field_defaults"]
    value = defaults[name.replace("-", "_")]
    return f"`{_written(value, kind)}`"


def _written(value: object, kind: Kind) -> str:
    """Return a value as it stands in TOML."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_written(one, kind) for one in value) + "]"
    if isinstance(value, float):
        value = duration_text(value)
    elif isinstance(value, int) and kind.read in (kinds.umask, kinds.size):
        value = f"{value:03o}" if kind.read is kinds.umask else size_text(value)
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
