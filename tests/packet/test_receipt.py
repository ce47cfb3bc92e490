from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.packet.failures import Corrupt
from gateway.packet.identity import encode
from gateway.packet.plain import PATH_SIZE
from gateway.packet.receipt import DELIVERED, HELD, Receipt

NAMES = st.binary(min_size=32, max_size=32).map(encode)
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(NAMES, st.sampled_from(["", DELIVERED, HELD]), SHORT)
def test_a_path_says_what_the_receipt_said(name: str, state: str, text: str) -> None:
    receipt = Receipt(name, state, text if state else "")
    assert receipt == Receipt.decode(receipt.encode())


@given(NAMES, st.text(min_size=100))
def test_a_long_text_is_cut_between_characters_to_fit_into_a_path(name: str, text: str) -> None:
    receipt = Receipt(name, HELD, text)
    path = receipt.encode()
    assert len(path) <= PATH_SIZE
    found = Receipt.decode(path)
    assert (name, HELD) == found[:2]
    whole = text.encode("utf-8", "replace").decode()
    assert whole.startswith(found.text)
    assert found.text == whole or PATH_SIZE - len(path) < 4


def test_the_name_comes_first_where_nncp_looks_for_it() -> None:
    assert bytes(32) + b"held\0no such user" == Receipt(encode(bytes(32)), HELD, "no such user").encode()
    assert bytes(32) == Receipt(encode(bytes(32))).encode()


@given(st.binary(max_size=PATH_SIZE))
def test_whatever_a_peer_writes_is_a_receipt_or_names_no_packet(path: bytes) -> None:
    if len(path) < 32:
        with pytest.raises(Corrupt, match="names no packet"):
            Receipt.decode(path)
        return
    receipt = Receipt.decode(path)
    assert encode(path[:32]) == receipt.packet
    assert not receipt.state or (receipt.state.isascii() and receipt.state.isalpha())


@pytest.mark.parametrize("behind", [b"\0", b"\0text", b"DELIVERED", b"held again", b"x" * 33, b"\xff"])
def test_what_is_no_state_is_left_out(behind: bytes) -> None:
    assert Receipt(encode(bytes(32))) == Receipt.decode(bytes(32) + behind)
