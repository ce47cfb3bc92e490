"""What plans for MTAs have in common, by one that adds nothing but its way of writing domains."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from gateway.errors import UsageError
from gateway.mtasetup.plan import MtaPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Pigeon(MtaPlan):
    DOMAIN: ClassVar[re.Pattern[str]] = re.compile(r"[a-z.]+")
    PLACE: ClassVar[str] = "a pigeon's ring"

    loft: str | None = None

    def paths(self) -> Mapping[str, str | None]:
        return {**MtaPlan.paths(self), "loft": self.loft}

    def ways(self) -> Mapping[str, object]:
        return {**MtaPlan.ways(self), "--loft": self.loft}


def plan(**changes: object) -> Pigeon:
    values = {"user": "gateway", "command": "/usr/bin/gateway", "handle": "rsmtp", "node": "hub", **changes}
    return Pigeon(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"node": "a b"}, "node 'a b': cannot stand in a pigeon's ring"),
        ({"handle": "x y"}, "handle 'x y': cannot"),
        ({"routes": (("A", "hub"),)}, "domain 'A': cannot"),
        ({"routes": (("a", "h:b"),)}, "node 'h:b': cannot"),
        ({"config": "/a;b"}, r"configuration '/a;b': cannot stand in a pigeon's ring$"),
        ({"command": "gateway"}, "command 'gateway': .*; give the whole path"),
        ({"loft": "roof"}, "loft 'roof': .*; give the whole path"),
        ({"node": None}, "name the node that gets the mail: --node, --route or --loft"),
    ],
)
def test_a_word_that_would_be_read_as_something_else_is_named(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan(**changes)


def test_any_way_to_a_node_will_do_and_none_is_needed_to_receive() -> None:
    for changes in ({"loft": "/roof"}, {"routes": (("a", "b"),)}, {"send": False}):
        assert None is plan(node=None, **changes).node


def test_the_gateway_is_called_with_its_configuration_if_that_has_a_place_of_its_own() -> None:
    assert "/usr/bin/gateway" == plan().gateway
    assert "/usr/bin/gateway --config /etc/g.toml" == plan(config="/etc/g.toml").gateway


def test_what_arrives_is_allowed_to_every_node_once() -> None:
    handle = {"egress": "pigeon", "command": ["/usr/sbin/sendmail", "-x"]}
    for changes, nodes in [
        ({"routes": (("a", "hub"), ("b", "n.1"))}, ["hub", "n.1"]),
        ({"node": None, "send": False}, ["NODE"]),
    ]:
        read = tomllib.loads(plan(**changes).receiving_lines("pigeon", "-x"))
        assert {"neigh": {node: {"exec": {"rsmtp": handle}} for node in nodes}} == read
