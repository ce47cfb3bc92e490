"""The keys of both dialects with the kind of each, and the match of a tree against them.

A schema is a dict from key to kind: a `Kind`, another schema, a list of one schema (a list
of tables), or under ``*`` the kind of every other name. NNCP's keys are NNCP SPEC 9.2; ours
are those and the mail gateway's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from gateway.config import kinds
from gateway.config.mistakes import Mistakes, did_you_mean, shown

__all__ = ["NNCP", "NNCP_ONLY", "TOML", "TOML_KEYS", "Kind", "Schema", "Tree", "match"]

Tree: TypeAlias = dict[str, Any]
Schema: TypeAlias = "Mapping[str, Kind | Schema | list[Schema]]"


class Kind(NamedTuple):
    """What a value must be: `shape` is how the directory layout stores it, `read` converts it.

    `read` raises ValueError that says what was expected.
    """

    shape: Literal["text", "flag", "integer", "words", "any"]
    read: Callable[[object], object]


TEXT = Kind("text", kinds.text)
FLAG = Kind("flag", kinds.flag)
INTEGER = Kind("integer", kinds.integer)
COUNT = Kind("integer", kinds.count)
POSITIVE = Kind("integer", kinds.positive)
WORDS = Kind("words", kinds.words)
PATH = Kind("text", kinds.absolute_path)
KEY = Kind("text", kinds.key)
KEY_TEXT = Kind("text", kinds.key_text)
LONG_KEY = Kind("text", kinds.long_key)
DURATION = Kind("any", kinds.duration)
SIZE = Kind("any", kinds.size)
GLOBS = Kind("any", kinds.globs)
ANY = Kind("any", lambda value: value)

IDENTITY: Schema = {
    "id": KEY,
    "exchpub": KEY,
    "exchprv": KEY,
    "signpub": KEY,
    "signprv": LONG_KEY,
    "noisepub": KEY,
    "noiseprv": KEY,
}
_TOSS = ("", "-doseen", "-nofile", "-nofreq", "-noexec", "-notrns", "-noarea")
_CALL: Schema = {
    "cron": Kind("text", kinds.cron),
    "nice": Kind("text", kinds.niceness),
    "xx": Kind("text", kinds.direction),
    "addr": TEXT,
    "rxrate": INTEGER,
    "txrate": INTEGER,
    "onlinedeadline": POSITIVE,
    "maxonlinetime": COUNT,
    "when-tx-exists": FLAG,
    "nock": FLAG,
    "mcd-ignore": FLAG,
    **{f"autotoss{what}": FLAG for what in _TOSS},
}
_NNCP_NEIGHBOUR: dict[str, Kind | Schema | list[Schema]] = {
    "id": KEY,
    "exchpub": KEY,
    "signpub": KEY,
    "noisepub": KEY,
    "exec": {"*": WORDS},
    "incoming": PATH,
    "freq": {"path": PATH, "chunked": POSITIVE, "minsize": COUNT, "maxsize": COUNT},
    "via": WORDS,
    "addrs": {"*": TEXT},
    "rxrate": INTEGER,
    "txrate": INTEGER,
    "onlinedeadline": POSITIVE,
    "maxonlinetime": COUNT,
    "calls": [_CALL],
}
_FROM_TO: Schema = {"from": TEXT, "to": TEXT}

NNCP_ONLY: dict[str, Kind | Schema | list[Schema]] = {
    "notify": {"file": _FROM_TO, "freq": _FROM_TO, "exec": {"*": _FROM_TO}},
    "areas": {
        "*": {
            "id": KEY_TEXT,
            "pub": KEY_TEXT,
            "prv": KEY_TEXT,
            "subs": WORDS,
            "exec": {"*": WORDS},
            "incoming": PATH,
            "allow-unknown": FLAG,
        }
    },
    "mcd-listen": WORDS,
    "mcd-send": {"*": INTEGER},
    "yggdrasil-aliases": {"*": TEXT},
}
"""Root keys that the gateway reads only to write them again."""

NNCP: Schema = {
    "spool": PATH,
    "log": PATH,
    "umask": Kind("text", kinds.umask),
    "noprogress": FLAG,
    "nohdr": FLAG,
    "self": IDENTITY,
    "neigh": {"*": _NNCP_NEIGHBOUR},
    **NNCP_ONLY,
}

TOML_KEYS: Schema = IDENTITY
TOML: Schema = {
    "name": Kind("text", kinds.node_name),
    "spool": PATH,
    "log": PATH,
    "log-format": Kind("text", kinds.OneOf("nncp", "json")),
    "umask": Kind("text", kinds.umask),
    "noprogress": FLAG,
    "nohdr": FLAG,
    "plugins": WORDS,
    "trash-age": DURATION,
    "self": IDENTITY,
    "neigh": {
        "*": {
            **_NNCP_NEIGHBOUR,
            "exec": {"*": ANY},
            "mail": {
                "form": Kind("text", kinds.OneOf("bsmtp", "rmail", "sendmail")),
                "handle": TEXT,
                "sender": Kind("text", kinds.OneOf("argument", "header")),
            },
            "accept": {"senders": GLOBS, "recipients": GLOBS, "max-size": SIZE},
            "limits": {"stored": SIZE, "packets": COUNT, "connections": COUNT},
            "ack": FLAG,
            "bounce": FLAG,
            "warn-after": DURATION,
        }
    },
    "routes": {"*": TEXT},
    "retry": {
        "schedule": Kind("any", kinds.durations),
        "give-up": DURATION,
        "warn-after": DURATION,
        "warn-sender": FLAG,
    },
    "serve": {
        "daemon": Kind("text", kinds.tcp_address),
        "lmtp": Kind("text", kinds.local_address),
        "lmtp-node-after": Kind("text", kinds.separator),
        "lmtp-max-size": SIZE,
        "submit": PATH,
        "metrics": Kind("text", kinds.local_address),
        "status": Kind("text", kinds.local_address),
        "jobs": POSITIVE,
        "seen-age": DURATION,
    },
    "plugin": {"*": {"*": ANY}},
    "nncp": NNCP_ONLY,
}


def match(tree: object, schema: Schema, mistakes: Mistakes, *, foreign: bool, key: str = "") -> Tree:
    """Return the tree with every value converted; what is wrong is noted and left out.

    In a `foreign` (NNCP's) file keys are compared without case, a null counts as absent and
    unknown keys are kept under their own names; in ours unknown keys are mistakes.
    """
    if not isinstance(tree, dict):
        mistakes.add(key, "a table was expected")
        return {}
    if foreign:
        tree = _folded(tree, schema)
    matched: Tree = {}
    for name, value in tree.items():
        here = f"{key}.{shown(name)}" if key else shown(name)
        kind = schema.get(name, schema.get("*"))
        if kind is None:
            if foreign:
                matched[name] = value
            else:
                mistakes.add(here, f"unknown key{did_you_mean(name, schema)}")
        elif isinstance(kind, Kind):
            try:
                matched[name] = kind.read(value)
            except ValueError as wrong:
                mistakes.add(here, str(wrong))
        elif isinstance(kind, list):
            matched[name] = _match_list(value, kind[0], mistakes, foreign=foreign, key=here)
        else:
            matched[name] = match(value, kind, mistakes, foreign=foreign, key=here)
    return matched


def _match_list(value: object, schema: Schema, mistakes: Mistakes, *, foreign: bool, key: str) -> list[Tree]:
    if not isinstance(value, list):
        mistakes.add(key, "a list of tables was expected")
        return []
    return [match(item, schema, mistakes, foreign=foreign, key=f"{key}[{n}]") for n, item in enumerate(value)]


def _folded(tree: Mapping[str, object], schema: Schema) -> Tree:
    """Return the tree with known keys in lower case and nulls dropped.

    Of keys that differ only in case NNCP takes the greatest, since it sorts them first.
    """
    if "*" in schema:
        return {name: value for name, value in tree.items() if value is not None}
    spelling: dict[str, str] = {}
    for name, value in tree.items():
        known = name.lower() if name.lower() in schema else name
        if value is not None and spelling.get(known, "") <= name:
            spelling[known] = name
    return {known: tree[name] for known, name in spelling.items()}
