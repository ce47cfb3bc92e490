from __future__ import annotations

import tomllib

import pytest

from gateway.errors import UsageError
from gateway.mtasetup.routes import lmtp_lines, neighbour_heading, nodes_of, read_routes, route_lines

ROUTES = (("a.example", "alice"), ("*.b.example", "bob"), (".c.example", "bob"))


def test_routes_are_read_as_they_are_given() -> None:
    assert ROUTES == read_routes(["a.example=alice", "*.b.example=bob", ".c.example=bob"])


def test_what_is_no_route_is_named() -> None:
    with pytest.raises(UsageError, match=r"--route 'a\.example': expected DOMAIN=NODE"):
        read_routes(["a.example"])


@pytest.mark.parametrize(
    ("rest", "nodes"), [(None, ("alice", "bob")), ("bob", ("alice", "bob")), ("eve", ("alice", "bob", "eve"))]
)
def test_nodes_are_named_once(rest: str | None, nodes: tuple[str, ...]) -> None:
    assert nodes == nodes_of(ROUTES, rest)


def test_routes_stand_in_the_configuration_without_the_mtas_signs() -> None:
    expected = {"a.example": "alice", "b.example": "bob", "c.example": "bob", "*": "eve"}
    assert {"routes": expected} == tomllib.loads("\n".join(route_lines(ROUTES, "eve")))


def test_everything_is_no_domain() -> None:
    assert {"routes": {"*": "eve"}} == tomllib.loads("\n".join(route_lines([("*", "eve")], None)))


@pytest.mark.parametrize("node", ["alice", "alice-2", "alice.example"])
def test_a_neighbours_heading_is_his_table(node: str) -> None:
    assert {"neigh": {node: {}}} == tomllib.loads(neighbour_heading(node))


def test_lmtp_has_its_socket_and_its_routes() -> None:
    text = lmtp_lines("/run/gateway/lmtp", ROUTES[:1], None, remarks=["And so on."])
    assert {"serve": {"lmtp": "/run/gateway/lmtp"}, "routes": {"a.example": "alice"}} == tomllib.loads(text)
    assert "\n# And so on.\n" in text
