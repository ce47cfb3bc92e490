from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.block import Block
from gateway.config.edit import add_neighbour, remove_neighbour, replace_neighbour
from gateway.errors import ConfigError

BLOCK = Block("x", {"id": "I", "exchpub": "E", "signpub": "S"}, {"net": "a:1"}, ("hub",))
ADDED = '[neigh.carol]\nid = "I"\nexchpub = "E"\nsignpub = "S"\naddrs.net = "a:1"\nvia = ["hub"]\n'
HUB = '# by the river\n[neigh.hub] # the hub\nid = "H" # old\nnoisepub = "N"\nexec.x = ["y"]\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1\n", f"a = 1\n\n{ADDED}"),
        (f"a = 1\n\n{HUB}", f"a = 1\n\n{HUB}\n{ADDED}"),
        (f"{HUB}\n# ways\n[routes]\n", f"{HUB}\n{ADDED}\n# ways\n[routes]\n"),
        (f"{HUB}[routes]\n", f"{HUB}\n{ADDED}\n[routes]\n"),
        (f"{HUB}\n#ack = true\n\n[routes]\n", f"{HUB}\n#ack = true\n\n{ADDED}\n[routes]\n"),
        (f"{HUB}[neigh.hub.addrs]\na = 'b'\n", f"{HUB}[neigh.hub.addrs]\na = 'b'\n\n{ADDED}"),
        ("[neigh]\nhub = {}\n", f"[neigh]\nhub = {{}}\n\n{ADDED}"),
        ('x = """\n[neigh.a]\n"""\n', f'x = """\n[neigh.a]\n"""\n\n{ADDED}'),
    ],
)
def test_a_neighbour_is_added_behind_the_others(before: str, after: str) -> None:
    assert after == add_neighbour(before, "carol", BLOCK)


@pytest.mark.parametrize("text", ["neigh = { hub = {} }\n", 'x = """\n[neigh.a]\n\n[z]\n"""\n'])
def test_what_cannot_be_edited_safely_is_left_to_a_person(text: str) -> None:
    with pytest.raises(ConfigError, match="by hand"):
        add_neighbour(text, "carol", BLOCK)


def test_keys_are_replaced_and_the_rest_stays() -> None:
    after = replace_neighbour(f"{HUB}\n[routes]\n", "hub", BLOCK)
    assert after == (
        '# by the river\n[neigh.hub] # the hub\nid = "I"  # old\nexchpub = "E"\nsignpub = "S"\n'
        'addrs.net = "a:1"\nexec.x = ["y"]\n\n[routes]\n'
    )


@pytest.mark.parametrize(
    "text", ["[neigh]\nhub = { id = 'H' }\n", "[neigh.hub.addrs]\nx = 'y'\n", '[neigh.hub]\n"id" = "H"\n']
)
def test_keys_in_another_style_are_left_to_a_person(text: str) -> None:
    with pytest.raises(ConfigError, match="by hand"):
        replace_neighbour(text, "hub", BLOCK)


def test_another_address_of_the_same_name_is_left_to_a_person() -> None:
    with pytest.raises(ConfigError, match=r"addrs\.net"):
        replace_neighbour(f"{HUB}addrs.net = 'b:2'\n", "hub", BLOCK)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"a = 1\n\n{HUB}", "a = 1\n\n"),
        (f"{HUB}\n# ways\n[routes]\n", "# ways\n[routes]\n"),
        (f"{HUB}# his\n\n# all\n\n[routes]\n", "# all\n\n[routes]\n"),
        (
            f"a = 1\n{HUB}[neigh.hub.addrs]\na = 'b'\n[[neigh.hub.calls]]\ncron = '@daily'\n[z]\n",
            "a = 1\n[z]\n",
        ),
        (f"{HUB}[neigh.hubb]\nid = 'x'\n", "[neigh.hubb]\nid = 'x'\n"),
        (f"{HUB}[neigh.b]\n[neigh.hub.addrs]\n[z]\n", "[neigh.b]\n[z]\n"),
        ('[neigh."hub"]\n[z]\n', "[z]\n"),
    ],
)
def test_a_neighbour_is_removed_with_its_own_comments(before: str, after: str) -> None:
    assert after == remove_neighbour(before, "hub")


LINES = st.sampled_from(
    [
        "[neigh.hub]",
        '[neigh."a b"]',
        "[routes]",
        "[neigh]",
        "# c",
        "",
        "x = 1",
        "y = [",
        "]",
        "['x']",
        '"""',
        "[[z]]",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_an_edit_means_what_was_wanted_or_is_refused(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if not isinstance(before.get("neigh", {}), dict) or "carol" in before.get("neigh", {}):
        return
    try:
        after = add_neighbour(text, "carol", BLOCK)
    except ConfigError:
        return
    nodes = tomllib.loads(after)["neigh"]
    assert {"id": "I", "exchpub": "E", "signpub": "S", "addrs": {"net": "a:1"}, "via": ["hub"]} == nodes.pop(
        "carol"
    )
    assert before == {**tomllib.loads(after), "neigh": nodes} if "neigh" in before else nodes == {}
    assert before == tomllib.loads(remove_neighbour(after, "carol")) or "neigh" in before
