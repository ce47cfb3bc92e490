from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.fingerprint import COUNT, fingerprint
from gateway.config.model import Neighbour

KEYS = [bytes([number]) * 32 for number in range(4)]
NODE = Neighbour("bob", *KEYS)


def test_the_words_are_always_the_same() -> None:
    """Two versions that disagree would have two honest people distrust each other."""
    assert "twenty absent detail wonder broom supreme feed stay" == fingerprint(NODE)


def test_the_name_does_not_matter() -> None:
    assert fingerprint(NODE) == fingerprint(NODE._replace(name="robert", via=("hub",)))


@pytest.mark.parametrize("key", ["id", "exchpub", "signpub", "noisepub"])
@given(bit=st.integers(0, 255))
def test_a_bit_of_any_key_changes_the_words(key: str, bit: int) -> None:
    changed = int.from_bytes(getattr(NODE, key), "big") ^ 1 << bit
    other = NODE._replace(**{key: changed.to_bytes(32, "big")})
    words = set(fingerprint(other).split()) - set(fingerprint(NODE).split())
    assert COUNT == len(fingerprint(other).split())
    assert len(words) >= 3


def test_without_an_online_key() -> None:
    assert fingerprint(NODE) != fingerprint(NODE._replace(noisepub=None))
