"""Packets made by real NNCP, byte for byte both ways."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from gateway.errors import BadPacket
from gateway.packet import failures, niceness
from gateway.packet.compression import decompress
from gateway.packet.mth import MerkleTree
from gateway.packet.plain import PacketType, Plain, split_exec_path
from tests.packet.nodes import DATA, NAMES, NODES, body, file, hops, seal, unseal

PACKETS = {vector["id"]: vector for vector in DATA["packets"]}
MIB = 1024 * 1024

# What each bad packet of the vectors is refused for.
CODES = {
    "neg-magic": failures.UnsupportedPacket,
    "neg-nice": failures.BadSignature,
    "neg-sender": failures.UnknownSender,
    "neg-recipient": failures.NotForUs,
    "neg-epub": failures.BadSignature,
    "neg-sign": failures.BadSignature,
    "neg-body": failures.Corrupt,
    "neg-trunc": failures.Corrupt,
    "neg-header-only": failures.Corrupt,
    "neg-append": failures.Corrupt,
    "neg-midblock": failures.Corrupt,
    "neg-cut-at-block": failures.Corrupt,
    "neg-opad": failures.BadPadding,
    "neg-opad-short": failures.BadPadding,
    "neg-opad-long": failures.TrailingBytes,
    "neg-ipad-nonzero": failures.BadPadding,
    "neg-ipad-too-long": failures.BadPadding,
    "neg-payload-too-long": failures.BadSize,
    "neg-payload-behind": failures.BadSize,
    "neg-short-size-block": failures.BadSize,
}


@pytest.mark.parametrize("vector", PACKETS.values(), ids=PACKETS)
def test_real_packet_opens_layer_by_layer(vector: dict[str, Any]) -> None:
    data = file(vector["file"])
    opened = None
    for layer in vector["layers"]:
        size = len(data)
        opened, data = unseal(data, NODES[layer["recipient"]])
        found = {
            "recipient": NAMES[opened.header.recipient],
            "sender": NAMES[opened.header.sender],
            "packet_size": size,
            "mth_base32": opened.name,
            "header_niceness": opened.header.niceness,
            "ephemeral_pub": opened.header.exchpub.hex(),
            "size_field_payload": opened.payload_size + 276,
            "size_field_pad": opened.pad,
            "plain_type": opened.plain.type,
            "plain_niceness": opened.plain.niceness,
            "path_hex": opened.plain.path.hex(),
            "payload_size": len(data),
            "payload_sha256": hashlib.sha256(data).hexdigest(),
        }
        if opened.plain.type is PacketType.TRNS:
            found["next_hop"] = NAMES[opened.plain.path]
        assert layer == found
    assert opened
    if "handle" in vector:
        assert (vector["handle"], tuple(vector["args"])) == split_exec_path(opened.plain.path)
        assert (PacketType.EXEC if vector["compressed"] else PacketType.EXEC_FAT) is opened.plain.type
        if vector["compressed"]:
            data = b"".join(decompress([data], max_size=MIB))
        assert body(vector["stdin"]) == data
        assert vector["body_len"] == len(data)
        assert vector["body_sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("vector", DATA["encoder"], ids=lambda vector: vector["id"])
def test_sealing_gives_the_bytes_of_the_vector(vector: dict[str, Any]) -> None:
    inner_first = vector["layers_inner_to_outer"]
    plain = Plain(
        PacketType(vector["plain_type"]), vector["plain_niceness"], bytes.fromhex(vector["path_hex"])
    )
    packet, sealed = seal(
        body(vector["body"]),
        plain=plain,
        identity=NODES[vector["sender"]],
        route=hops(*(NODES[layer["to"]] for layer in reversed(inner_first))),
        niceness=vector["header_niceness"],
        min_size=vector["minsize_bytes"],
        ephemerals=[bytes.fromhex(layer["ephemeral_prv"]) for layer in reversed(inner_first)],
    )
    assert inner_first[-1]["mth_base32"] == sealed.name
    assert inner_first[0]["mth_base32"] == sealed.inner_name
    assert inner_first[-1]["size"] == sealed.size == len(packet)
    for layer in reversed(inner_first):
        opened, payload = unseal(packet, NODES[layer["to"]])
        assert (layer["mth_base32"], layer["size"]) == (opened.name, len(packet))
        packet = payload
    assert body(vector["body"]) == packet


@pytest.mark.parametrize("vector", DATA["negative"], ids=lambda vector: vector["id"])
def test_bad_packet_is_refused_for_its_reason(vector: dict[str, Any]) -> None:
    if "file" in vector:
        data = bytearray(file(vector["file"]))
        recipient = next(iter(n for n in NODES.values() if n.id == bytes(data[44:76])))
    else:
        base = PACKETS[vector["base"]]
        recipient = NODES[base["layers"][0]["recipient"]]
        data = bytearray(file(base["file"]))
        mutation = vector["mutation"]
        if "xor_at" in mutation:
            data[mutation["xor_at"]] ^= mutation["xor"]
        del data[mutation.get("truncate_to", len(data)) :]
        data += bytes.fromhex(mutation.get("append_hex", ""))
    with pytest.raises(BadPacket) as caught:
        unseal(bytes(data), recipient)
    assert CODES[vector["id"]] is type(caught.value)


@pytest.mark.parametrize("vector", DATA["mth"], ids=lambda vector: str(vector["input"]))
def test_name_of_the_vector(vector: dict[str, Any]) -> None:
    tree = MerkleTree()
    tree.update(body(vector["input"]))
    assert (vector["mth_hex"], vector["mth_base32"]) == (tree.digest().hex(), tree.name())


@pytest.mark.parametrize("vector", DATA["niceness_parse"], ids=lambda vector: repr(vector["text"]))
def test_niceness_is_read_as_nncp_reads_it(vector: dict[str, Any]) -> None:
    if vector["value"] is None:
        with pytest.raises(ValueError, match="is no niceness"):
            niceness.parse(vector["text"])
    else:
        assert vector["value"] == niceness.parse(vector["text"])


@pytest.mark.parametrize("vector", DATA["niceness_format"], ids=lambda vector: str(vector["value"]))
def test_niceness_is_shown_as_nncp_shows_it(vector: dict[str, Any]) -> None:
    assert vector["text"] == niceness.format(vector["value"])
