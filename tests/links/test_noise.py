from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nacl import bindings

from gateway.links.noise import Cipher, Initiator, NoiseError, Responder
from tests.packet.nodes import NODES

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "nncp" / "vectors.json").read_text()
)["noise"]
ALICE, HUB = NODES[VECTOR["initiator"]], NODES[VECTOR["responder"]]


def raw(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def initiator(*, ephemeral: bytes = b"", peer: bytes = HUB.noisepub) -> Initiator:
    return Initiator(ALICE.noiseprv, ALICE.noisepub, peer, ephemeral=ephemeral)


def responder(*, ephemeral: bytes = b"") -> Responder:
    return Responder(HUB.noiseprv, HUB.noisepub, ephemeral=ephemeral)


def shaken() -> tuple[tuple[Cipher, Cipher], tuple[Cipher, Cipher]]:
    caller, called = initiator(), responder()
    called.hello(caller.hello(b"one"))
    message, *theirs = called.answer(b"two")
    _, *ours = caller.answer(message)
    return (ours[0], ours[1]), (theirs[0], theirs[1])


def test_the_transcript_of_the_vectors_byte_for_byte() -> None:
    caller = initiator(ephemeral=raw("initiator_ephemeral_prv"))
    called = responder(ephemeral=raw("responder_ephemeral_prv"))
    first = caller.hello(raw("payload1"))
    assert raw("message1") == first
    assert raw("payload1") == called.hello(first)
    assert ALICE.noisepub == called.caller
    second, called_sends, called_receives = called.answer(raw("payload2"))
    assert raw("message2") == second
    payload, caller_sends, caller_receives = caller.answer(second)
    assert raw("payload2") == payload
    for message in VECTOR["transport"]:
        plain, sealed = bytes.fromhex(message["plain"]), bytes.fromhex(message["cipher"])
        outward = message["direction"] == "initiator->responder"
        sends, receives = (caller_sends, called_receives) if outward else (called_sends, caller_receives)
        assert sealed == sends.seal(plain)
        assert plain == receives.open(sealed)


@pytest.mark.parametrize("place", [0, 31, 32, 79, 80, -1])
def test_a_changed_first_message_is_refused(place: int) -> None:
    message = bytearray(initiator().hello(b"payload"))
    message[place] ^= 1
    with pytest.raises(NoiseError):
        responder().hello(bytes(message))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 80, 95])
def test_a_cut_first_message_is_refused(size: int) -> None:
    with pytest.raises(NoiseError):
        responder().hello(initiator().hello(b"")[:size])


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_changed_answer_is_refused(place: int) -> None:
    caller, called = initiator(), responder()
    called.hello(caller.hello(b""))
    answer = bytearray(called.answer(b"")[0])
    answer[place] ^= 1
    with pytest.raises(NoiseError):
        caller.answer(bytes(answer))


def test_a_call_for_somebody_elses_key_is_refused() -> None:
    other = bindings.crypto_scalarmult_base(bytes(range(32)))
    with pytest.raises(NoiseError):
        responder().hello(initiator(peer=other).hello(b""))


@pytest.mark.parametrize("low_order", [bytes(32), b"\1" + bytes(31)])
def test_keys_of_low_order_are_refused(low_order: bytes) -> None:
    with pytest.raises(NoiseError):
        initiator(peer=low_order).hello(b"")
    with pytest.raises(NoiseError):
        responder().hello(low_order + bytes(100))


def test_a_replayed_swapped_or_reflected_message_is_refused() -> None:
    (sends, receives), (_, their_receives) = shaken()
    first, second = sends.seal(b"first"), sends.seal(b"second")
    with pytest.raises(NoiseError):
        receives.open(first)
    assert b"first" == their_receives.open(first)
    with pytest.raises(NoiseError):
        their_receives.open(first)
    (sends, _), (_, their_receives) = shaken()
    first, second = sends.seal(b"first"), sends.seal(b"second")
    with pytest.raises(NoiseError):
        their_receives.open(second)


def test_two_sessions_share_no_key() -> None:
    (one, _), _ = shaken()
    (other, _), _ = shaken()
    assert one.seal(bytes(32)) != other.seal(bytes(32))
