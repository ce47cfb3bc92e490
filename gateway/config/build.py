"""From a matched tree of either dialect to the `Config`: what is required, what names what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from gateway.config.mistakes import Mistakes, did_you_mean, shown
from gateway.config.model import Accept, Config, Handle, Limits, MailForm, Neighbour, Retry, Serve
from gateway.config.schema import IDENTITY, NNCP_ONLY, Tree
from gateway.packet.identity import Identity, encode

__all__ = ["build"]

_Value = TypeVar("_Value", Accept, Limits, MailForm, Retry, Serve)
_PUBLIC = ("id", "exchpub", "signpub")
_HANDLE_OF_FORM = {"bsmtp": "rsmtp", "rmail": "rmail", "sendmail": "sendmail"}
_NEIGHBOUR_KEYS = ("ack", "bounce", "incoming", "freq", "rxrate", "txrate", "onlinedeadline", "maxonlinetime")
_ROOT_KEYS = (
    "name", "log_format", "umask", "nohdr", "noprogress", "plugins", "trash_age", "routes", "plugin",
)  # fmt: skip


def build(
    tree: Tree,
    mistakes: Mistakes,
    *,
    path: str,
    dialect: Literal["toml", "nncp"],
    spool: str | None,
    log: str | None,
    handles: Callable[[str, Tree], dict[str, Handle]],
    key_files: tuple[str, ...] = (),
) -> Config:
    """Return the configuration; `handles` reads an ``exec`` table of this dialect.

    Raises:
        ConfigError: temporary; every mistake that `mistakes` holds by then.
    """
    identity = _identity(tree, mistakes)
    neighbours: dict[str, Neighbour] = {}
    named = dict(tree.get("neigh", {}))
    if identity is not None and dialect == "toml":
        own = {key: getattr(identity, key) for key in (*_PUBLIC, "noisepub")}
        named["self"] = own | named.get("self", {})
    if identity is None and mistakes.has("self"):
        named.pop("self", None)
    elif "self" not in named:
        text = (
            "neigh.self is required"
            if dialect == "nncp"
            else "our own keys are missing; `gateway init` makes them"
        )
        mistakes.add("neigh.self" if dialect == "nncp" else "self", text)
    for name, branch in named.items():
        key = f"neigh.{shown(name)}"
        branch["via"] = _named_hops(branch, named, mistakes, f"{key}.via")
        found = _neighbour(name, branch, mistakes, key, handles(key, branch.get("exec", {})))
        if found is not None:
            neighbours[name] = found
    if not (spool or tree.get("spool") or mistakes.has("spool")):
        mistakes.add("spool", "missing; the absolute path of the spool was expected")
    mistakes.raise_if_any()
    keys = {key.replace("-", "_"): value for key, value in tree.items()}
    return Config(
        path=path,
        dialect=dialect,
        spool=spool or tree["spool"],
        log=log or tree.get("log"),
        identity=identity,
        neighbours=neighbours,
        retry=_made(Retry, tree.get("retry", {})),
        serve=_made(Serve, tree.get("serve", {})),
        extra=_extra(tree, dialect),
        key_files=key_files,
        **{key: keys[key] for key in _ROOT_KEYS if key in keys},
    )


def _identity(tree: Tree, mistakes: Mistakes) -> Identity | None:
    """Return our keys; None if the file has none at all."""
    keys = tree.get("self")
    if keys is None:
        return None
    if not _required(keys, tuple(IDENTITY), mistakes, "self"):
        return None
    return Identity(**{key: keys[key] for key in IDENTITY})


def _required(tree: Tree, keys: tuple[str, ...], mistakes: Mistakes, key: str) -> bool:
    for name in keys:
        if name not in tree and not mistakes.has(f"{key}.{name}"):
            mistakes.add(f"{key}.{name}", "missing")
    return all(name in tree for name in keys)


def _neighbour(
    name: str, tree: Tree, mistakes: Mistakes, key: str, handles: Mapping[str, Handle]
) -> Neighbour | None:
    mail = dict(tree.get("mail", {}))
    if "form" in mail:
        mail.setdefault("handle", _HANDLE_OF_FORM[mail["form"]])
    for number, call in enumerate(tree.get("calls", ())):
        _required(call, ("cron",), mistakes, f"{key}.calls[{number}]")
    if not _required(tree, _PUBLIC, mistakes, key):
        return None
    return Neighbour(
        name=name,
        id=tree["id"],
        exchpub=tree["exchpub"],
        signpub=tree["signpub"],
        noisepub=tree.get("noisepub"),
        via=tree.get("via", ()),
        mail=_made(MailForm, mail),
        handles=handles,
        accept=_made(Accept, tree.get("accept", {})),
        limits=_made(Limits, tree.get("limits", {})),
        addrs=tree.get("addrs", {}),
        calls=tuple(tree.get("calls", ())),
        warn_after=tree.get("warn-after"),
        **{field: tree[field] for field in _NEIGHBOUR_KEYS if field in tree},
    )


def _made(kind: type[_Value], tree: Tree) -> _Value:
    """Return a value whose fields are the keys of `tree`, with hyphens for underscores."""
    keys = {field: field.replace("_", "-") for field in kind._fields}
    return kind(**{field: tree[key] for field, key in keys.items() if key in tree})


def _extra(tree: Tree, dialect: str) -> Tree:
    if dialect == "toml":
        return dict(tree.get("nncp", {}))
    from gateway.config.schema import NNCP  # noqa: PLC0415 - a name of the other dialect

    return {key: value for key, value in tree.items() if key in NNCP_ONLY or key not in NNCP}


def _named_hops(branch: Tree, nodes: Mapping[str, Tree], mistakes: Mistakes, key: str) -> tuple[str, ...]:
    """Return ``via`` with names in the place of ids; a name wins over an id that reads the same."""
    hops = []
    for number, hop in enumerate(branch.get("via", ())):
        name = hop if hop in nodes else next((n for n in nodes if _has_id(nodes[n], hop)), None)
        if name is None:
            mistakes.add(f"{key}[{number}]", f'no node "{hop}" here{did_you_mean(hop, nodes)}')
        else:
            hops.append(name)
    return tuple(hops)


def _has_id(branch: Tree, text: str) -> bool:
    return "id" in branch and encode(branch["id"]) == text
