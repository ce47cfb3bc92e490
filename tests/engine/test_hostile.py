"""Whatever a peer or a medium brings: no program runs before the last byte is proved right."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gateway.config.model import Accept, Handle
from gateway.packet.mth import MerkleTree
from gateway.packet.plain import PacketType, Plain, exec_path
from gateway.packet.sealing import Hop, Sealer
from tests.engine.parties import BATCH, Party, carry
from tests.packet.nodes import DATA, NODES, file

PACKETS = {vector["id"]: vector for vector in DATA["packets"]}
MIB = 1024 * 1024


def name_of(content: bytes) -> str:
    tree = MerkleTree()
    tree.update(content)
    return tree.name()


def arrive(sender: Party, receiver: Party, content: bytes, name: str | None = None) -> str:
    rx = receiver.box(sender, "rx")
    rx.mkdir(parents=True, exist_ok=True)
    name = name or name_of(content)
    (rx / name).write_bytes(content)
    return name


def sealed(sender: Party, receiver: Party, body: bytes, kind: PacketType = PacketType.EXEC) -> bytes:
    content = bytearray()
    sealer = Sealer(
        content.extend,
        identity=sender.identity,
        route=[Hop(receiver.identity.id, receiver.identity.exchpub)],
        niceness=96,
        plain=Plain(kind, 96, exec_path("rsmtp", ())),
    )
    sealer.write(body)
    sealer.finish()
    return bytes(content)


def reasons(party: Party) -> list[str]:
    return [json.loads(p.read_text())["reason"] for p in Path(party.spool.root).glob("*/hold/*.json")]


def mutated(vector: dict[str, Any]) -> tuple[bytes, str]:
    """Return the bad packet of a vector and the name of its recipient."""
    if "file" in vector:
        data = bytearray(file(vector["file"]))
        return bytes(data), next(name for name, node in NODES.items() if node.id == bytes(data[44:76]))
    base = PACKETS[vector["base"]]
    data = bytearray(file(base["file"]))
    mutation = vector["mutation"]
    if "xor_at" in mutation:
        data[mutation["xor_at"]] ^= mutation["xor"]
    del data[mutation.get("truncate_to", len(data)) :]
    data += bytes.fromhex(mutation.get("append_hex", ""))
    return bytes(data), base["layers"][0]["recipient"]


@pytest.mark.parametrize("vector", DATA["negative"], ids=lambda vector: vector["id"])
def test_no_negative_vector_reaches_a_program(vector: dict[str, Any], tmp_path: Path) -> None:
    content, recipient = mutated(vector)
    nodes = {name: Party(tmp_path, name) for name in NODES}
    for name, party in nodes.items():
        party.identity = NODES[name]
    victim = nodes[recipient]
    victim.reconfigure(identity=victim.identity, neighbours={"self": victim.as_neighbour("self")})
    ran = tmp_path / "ran"
    touch = Handle("any", command=("/bin/touch", str(ran)), arguments="any")
    for party in nodes.values():
        if party is not victim:
            victim.knows(party, handles={"sendmail": touch, "rmail": touch, "rsmtp": touch})
    name = arrive(nodes["alice"], victim, content)
    assert "held 1" == str(victim.toss())
    assert not ran.exists()
    assert [name] == victim.jobs("hold")
    assert [] == victim.tmp()


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("kind", [PacketType.EXEC, PacketType.EXEC_FAT])
def test_a_packet_cut_at_a_block_boundary(alice: Party, bob: Party, blocks: int, kind: PacketType) -> None:
    bulk = BATCH.replace(b"hello\n", b"all work and no play\n" * 30000)
    body = zstandard.compress(bulk, 1) if kind is PacketType.EXEC else bulk
    content = sealed(alice, bob, body + bytes(4 * 131072), kind)
    arrive(alice, bob, content[: 172 + blocks * 131088])
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (zstandard.ZstdCompressor(level=1).compress(bytes(64 * MIB)), "over-limit"),
        (zstandard.compress(BATCH)[:-3], "corrupt"),
        (zstandard.compress(BATCH) + b"x", "trailing-bytes"),
        (b"no zstandard at all", "corrupt"),
    ],
    ids=["bomb", "cut", "trailing", "junk"],
)
def test_a_compressed_body_that_is_none(alice: Party, bob: Party, body: bytes, why: str) -> None:
    bob.knows(alice, accept=Accept(max_size=MIB))
    arrive(alice, bob, sealed(alice, bob, body))
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got
    (reason,) = reasons(bob)
    assert reason.startswith(why)


def test_a_window_that_would_eat_the_memory(alice: Party, bob: Party) -> None:
    parameters = zstandard.ZstdCompressionParameters(
        window_log=28, compression_level=1, write_content_size=False
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = compressor.compress(BATCH) + compressor.flush()
    arrive(alice, bob, sealed(alice, bob, body))
    assert "held 1" == str(bob.toss())
    (reason,) = reasons(bob)
    assert reason.startswith("over-limit")


def test_every_cut_of_a_small_packet(alice: Party, bob: Party) -> None:
    content = sealed(alice, bob, zstandard.compress(BATCH))
    for size in (0, 1, 7, 8, 171, 172, 173, 188, len(content) - 17, len(content) - 1):
        arrive(alice, bob, content[:size])
    bob.toss()
    assert [] == bob.memory.got
    assert 10 == len(bob.jobs("hold"))


def test_a_packet_that_somebody_else_signed(alice: Party, bob: Party, tmp_path: Path) -> None:
    mallory = Party(tmp_path, "mallory")
    bob.knows(mallory, handles={})
    content = bytearray(sealed(mallory, bob, zstandard.compress(BATCH)))
    content[12:44] = alice.identity.id
    arrive(mallory, bob, bytes(content))
    bob.toss()
    assert [] == bob.memory.got
    assert ["bad-signature"] == [reason.split(":")[0] for reason in reasons(bob)]


def test_authorisation_is_the_signers_not_the_carriers(alice: Party, bob: Party, tmp_path: Path) -> None:
    mallory = Party(tmp_path, "mallory")
    bob.knows(mallory, handles={})
    arrive(alice, bob, sealed(mallory, bob, zstandard.compress(BATCH)))
    bob.toss()
    assert [] == bob.memory.got
    assert ["no handle 'rsmtp' for mallory"] == [reason.split(":")[0] for reason in reasons(bob)]


def test_a_fifo_and_a_symlink_with_a_packets_name(alice: Party, bob: Party, tmp_path: Path) -> None:
    rx = bob.box(alice, "rx")
    rx.mkdir(parents=True)
    os.mkfifo(rx / ("A" * 52))
    secret = tmp_path / "secret"
    secret.write_bytes(sealed(alice, bob, zstandard.compress(BATCH)))
    (rx / name_of(secret.read_bytes())).symlink_to(secret)
    begin = time.monotonic()
    bob.toss()
    assert time.monotonic() - begin < 30, "it waited for a writer"
    assert [] == bob.memory.got
    assert secret.exists()


def test_the_jobs_beside_a_bad_one_are_delivered(alice: Party, bob: Party) -> None:
    for i in range(3):
        alice.submit(BATCH.replace(b"hello", str(i).encode()), "bob")
    carry(alice, bob)
    arrive(alice, bob, b"rubbish")
    arrive(alice, bob, sealed(alice, bob, b"rubbish"))
    assert "delivered 3, held 2" == str(bob.toss())


def test_a_name_is_never_a_path(alice: Party, bob: Party) -> None:
    rx = bob.box(alice, "rx")
    rx.mkdir(parents=True)
    for name in ("..", "x" * 52, "A" * 51, "a" * 52, "A" * 51 + "/"):
        if not (rx / name).exists():
            (rx / name.rstrip("/")).write_bytes(b"")
    assert "" == str(bob.toss())
