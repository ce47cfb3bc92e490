"""The configuration as one frozen value; the readers of the two dialects both end here.

Nothing in this module reads a file. Durations are seconds, sizes bytes.
"""

# No annotations as strings (PEP 563) here: a NamedTuple compiles every string again, which took
# a tenth of the time that it takes to load all of the gateway.

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gateway.errors import UnknownNode

if TYPE_CHECKING:
    from gateway.packet.identity import Identity

Form = Literal["bsmtp", "rmail", "sendmail", "raw"]
FORM_OF_HANDLE: Mapping[str, Form] = {"rsmtp": "bsmtp", "rmail": "rmail", "sendmail": "sendmail"}

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""An empty mapping that cannot be filled."""

MIB = 1024 * 1024
DEFAULT_MAX_SIZE = 256 * MIB
DEFAULT_TIMEOUT = 300.0
DEFAULT_TRASH_AGE = 30 * 86400.0
OWN_PLUGINS = ("exim", "postfix", "rmail")
"""What `Config.plugins` = None stands for, as far as they are installed."""


class MailForm(NamedTuple):
    """How mail for a neighbour is written: the form, the handle, where the sender goes."""

    form: Form = "bsmtp"
    handle: str = "rsmtp"
    sender: Literal["argument", "header"] = "argument"


class Handle(NamedTuple):
    """What one neighbour may run under one word.

    `form` says what form a body has; `arguments` what of the peer's arguments reaches the
    program; `options` the keys that belong to the egress.
    """

    name: str
    egress: str = "command"
    command: tuple[str, ...] = ()
    form: Form = "raw"
    arguments: Literal["none", "recipients", "any"] = "none"
    timeout: float = DEFAULT_TIMEOUT
    options: Mapping[str, object] = NOTHING


class Accept(NamedTuple):
    """Policy on what a neighbour sends: envelope globs (None means any) and sizes."""

    senders: tuple[str, ...] | None = None
    recipients: tuple[str, ...] | None = None
    max_size: int = DEFAULT_MAX_SIZE

    @property
    def anybody(self) -> bool:
        """Whether no envelope is turned away."""
        return self.senders is None and self.recipients is None


class Limits(NamedTuple):
    """What a neighbour may keep in our spool; None means no limit."""

    stored: int | None = None
    packets: int | None = None
    connections: int | None = None


class Neighbour(NamedTuple):
    """A known other node.

    `via` names relays, first hop first. `calls` and `freq` are kept as read, for the links
    that use them and for export. `warn_after` None stands for that of `Retry`.
    """

    name: str
    id: bytes
    exchpub: bytes
    signpub: bytes
    noisepub: bytes | None = None
    via: tuple[str, ...] = ()
    mail: MailForm = MailForm()
    handles: Mapping[str, Handle] = NOTHING
    accept: Accept = Accept()
    limits: Limits = Limits()
    ack: bool = False
    bounce: bool = True
    addrs: Mapping[str, str] = NOTHING
    incoming: str | None = None
    freq: Mapping[str, object] = NOTHING
    calls: tuple[Mapping[str, object], ...] = ()
    rxrate: int = 0
    txrate: int = 0
    onlinedeadline: int = 10
    maxonlinetime: int = 0
    warn_after: float | None = None


class Retry(NamedTuple):
    """When a delivery that failed temporarily is tried again, and when it is held.

    After `warn_after` a person is told of mail that still waits, and with `warn_sender` its sender.
    """

    schedule: tuple[float, ...] = (60.0, 300.0, 900.0, 3600.0, 14400.0)
    give_up: float = 5 * 86400.0
    warn_after: float = 86400.0
    warn_sender: bool = False


class Serve(NamedTuple):
    """The resident process; addresses as written.

    `lmtp_node_after` stands before a node's name at the end of a local part; `lmtp_max_size`
    is the largest message that is taken over LMTP [bytes].
    """

    daemon: str | None = None
    lmtp: str | None = None
    lmtp_node_after: str | None = None
    lmtp_max_size: int | None = None
    submit: str | None = None
    metrics: str | None = None
    status: str | None = None
    jobs: int = 1
    seen_age: float = 30 * 86400.0


class Config(NamedTuple):
    """Everything the gateway was told, checked.

    `neighbours` includes ``self``. `identity` is None for a configuration without keys,
    which serves only for tools that need none. `extra` keeps the root keys of an NNCP file
    that are not ours (areas, notify, multicast), for export. `name` is what we call
    ourselves to others; `key_files` are the files our private keys were read from.
    """

    path: str
    dialect: Literal["toml", "nncp"]
    spool: str
    identity: "Identity | None"
    neighbours: Mapping[str, Neighbour]
    name: str | None = None
    log: str | None = None
    log_format: Literal["nncp", "json"] = "nncp"
    umask: int | None = 0o007
    nohdr: bool = False
    noprogress: bool = False
    plugins: tuple[str, ...] | None = None
    routes: Mapping[str, str] = NOTHING
    retry: Retry = Retry()
    serve: Serve = Serve()
    trash_age: float = DEFAULT_TRASH_AGE
    plugin: Mapping[str, Mapping[str, object]] = NOTHING
    extra: Mapping[str, object] = NOTHING
    key_files: tuple[str, ...] = ()

    def neighbour(self, name: str) -> Neighbour:
        """Return the neighbour of that name or id text; names win over ids.

        Raises:
            UnknownNode: temporary; names the file to add it to.
        """
        found = self.neighbours.get(name)
        if found is None:
            found = next((n for n in self.neighbours.values() if _id_text(n.id) == name), None)
        if found is None:
            from gateway.config.mistakes import did_you_mean  # noqa: PLC0415 - only for a mistake

            meant = did_you_mean(name, self.neighbours)
            msg = f"unknown node {name!r}: add [neigh.{name}] to {self.path}{meant}"
            raise UnknownNode(msg)
        return found

    def by_id(self, node_id: bytes) -> Neighbour | None:
        """Return the neighbour with that 32-byte id, ``self`` last, or None."""
        found = [n for n in self.neighbours.values() if n.id == node_id]
        return min(found, key=lambda n: n.name == "self", default=None)


NO_CONFIG = Config("(none)", "toml", "", None, {})
"""What stands in where there is no configuration: our own plugins, and nobody known."""


def _id_text(node_id: bytes) -> str:
    from gateway.packet.identity import encode  # noqa: PLC0415 - identity loads nacl; only for ids

    return encode(node_id)
