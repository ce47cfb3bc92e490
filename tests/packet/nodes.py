"""The nodes and packets of the vectors, and short ways to seal and open."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Sequence
from typing import Any

from gateway.packet.identity import Identity, decode
from gateway.packet.opening import Opened, open_packet
from gateway.packet.plain import Plain
from gateway.packet.sealing import Hop, Sealed, Sealer

VECTORS = os.path.join(os.path.dirname(__file__), os.pardir, "vectors", "nncp")


def file(name: str) -> bytes:
    """Return a file of the vectors."""
    with open(os.path.join(VECTORS, name), "rb") as stream:
        return stream.read()


DATA: dict[str, Any] = json.loads(file("vectors.json"))


def _identity(name: str) -> Identity:
    own = re.search(r"\bself: \{([^}]*)\}", file(f"nodes/{name}/nncp.hjson").decode())
    assert own
    keys = dict(re.findall(r"(\w+): ([A-Z2-7]+)", own[1]))
    return Identity(**{key: decode(text, 64 if key == "signprv" else 32) for key, text in keys.items()})


NODES = {name: _identity(name) for name in DATA["node_ids"]}
NAMES = {node.id: name for name, node in NODES.items()}
ALICE, HUB, HUB2, BOB = (NODES[name] for name in ("alice", "hub", "hub2", "bob"))


def signpub_of(node_id: bytes) -> bytes | None:
    """Return the signing key of a node of the vectors."""
    return NODES[NAMES[node_id]].signpub if node_id in NAMES else None


def body(description: dict[str, Any]) -> bytes:
    """Return the bytes that the vectors describe."""
    if "file" in description:
        return file(description["file"])
    if "text" in description:
        return str(description["text"]).encode()
    length = int(description["len"])
    if "repeat" in description:
        unit = str(description["repeat"]).encode()
        return (unit * (length // len(unit) + 1))[:length]
    return hashlib.shake_128(description["shake128"].encode()).digest(length)


def hops(*nodes: Identity) -> list[Hop]:
    """Return the route over these nodes."""
    return [Hop(node.id, node.exchpub) for node in nodes]


def seal(
    data: bytes,
    *,
    plain: Plain,
    route: Sequence[Hop],
    identity: Identity = ALICE,
    niceness: int = 96,
    cuts: Sequence[int] = (),
    **options: Any,
) -> tuple[bytes, Sealed]:
    """Seal `data`, written in pieces that end at `cuts`."""
    out: list[bytes] = []
    sealer = Sealer(out.append, identity=identity, route=route, niceness=niceness, plain=plain, **options)
    start = 0
    for cut in (*sorted(cuts), len(data)):
        sealer.write(data[start:cut])
        start = max(start, cut)
    sealed = sealer.finish()
    return b"".join(out), sealed


def unseal(packet: bytes, node: Identity) -> tuple[Opened, bytes]:
    """Open a packet whole."""
    opened = open_packet(io.BytesIO(packet), identity=node, signpub_of=signpub_of)
    return opened, b"".join(opened.payload())
