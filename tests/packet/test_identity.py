"""Identities, and the text form of keys, ids and names."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from gateway.packet.identity import Identity, decode, encode, node_id
from tests.packet.nodes import ALICE, NODES


@given(st.binary(min_size=1, max_size=80))
def test_text_form_returns(data: bytes) -> None:
    text = encode(data)
    assert data == decode(text, len(data))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 characters where 52 belong"),
        ("A" * 51, "51 characters"),
        ("A" * 53, "53 characters"),
        ("A" * 52 + "====", "56 characters"),
        ("a" * 52, "not base32"),
        ("A" * 51 + "1", "not base32"),
        ("A" * 51 + "=", "not base32"),
        ("A" * 25 + "\n" + "A" * 26, "not base32"),
        ("A" * 51 + "\u00c4", "not base32"),
        ("A" * 51 + "B", "stray bits"),
    ],
)
def test_other_spellings_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode(text)


@given(st.text(alphabet="AQ7=a\n", min_size=50, max_size=56))
def test_every_text_that_is_taken_is_canonical(text: str) -> None:
    try:
        data = decode(text)
    except ValueError:
        return
    assert text == encode(data)


@pytest.mark.parametrize("name", NODES)
def test_real_ids_derive_from_the_signing_key(name: str) -> None:
    assert NODES[name].id == node_id(NODES[name].signpub)


def test_generated_keys_belong_together() -> None:
    made = Identity.generate()
    assert hashlib.blake2b(made.signpub, digest_size=32).digest() == made.id
    assert made.signpub == made.signprv[32:]
    assert made.exchpub == bindings.crypto_scalarmult_base(made.exchprv)
    assert made.noisepub == bindings.crypto_scalarmult_base(made.noiseprv)
    assert made != Identity.generate()


def test_private_keys_do_not_show() -> None:
    shown = f"{ALICE!r} {ALICE}"
    for key in (ALICE.exchprv, ALICE.signprv, ALICE.noiseprv):
        assert repr(key) not in shown
        assert encode(key) not in shown


@pytest.mark.parametrize("field", Identity._fields)
def test_keys_of_a_wrong_size_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} has 31 bytes"):
        Identity(**{**ALICE._asdict(), field: bytes(31)})
