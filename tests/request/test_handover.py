from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.handover import LENGTH, Offer

WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
FIELDS = st.fixed_dictionaries(
    {
        "command": WORD,
        "words": st.lists(WORD, max_size=5),
        "environ": st.dictionaries(WORD, WORD, max_size=4),
        "parent": st.integers(0, 2**31),
        "path": WORD,
        "stamp": WORD,
        "spool": WORD,
        "home": WORD,
    }
)


@given(FIELDS)
def test_an_offer_arrives_as_it_was_made(fields: dict[str, object]) -> None:
    octets = Offer(**fields).encode()  # type: ignore[arg-type]
    assert len(octets) - LENGTH == int(octets[:LENGTH])
    offer = Offer.decode(octets[LENGTH:])
    assert fields == {name: getattr(offer, name) for name in Offer.__slots__}


def test_octets_that_are_no_text_stay_what_they_are() -> None:
    """Arguments of an MTA may be in any encoding."""
    fields = {"parent": 1, "path": "", "stamp": "", "spool": "", "home": "", "environ": {}}
    offer = Offer(command="exec", words=["\udcff\udc80"], **fields)  # type: ignore[arg-type]
    assert ["\udcff\udc80"] == Offer.decode(offer.encode()[LENGTH:]).words


@given(st.binary(max_size=200))
def test_anything_else_is_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        Offer.decode(octets)


@given(FIELDS, st.integers(1, 60))
def test_half_an_offer_never_crashes(fields: dict[str, object], missing: int) -> None:
    whole = Offer(**fields).encode()[LENGTH:]  # type: ignore[arg-type]
    with suppress(ValueError):
        assert fields != {name: getattr(Offer.decode(whole[:-missing]), name) for name in Offer.__slots__}
