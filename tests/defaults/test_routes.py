from __future__ import annotations

import pytest

from gateway.config.model import Config
from gateway.defaults.routes import gateway_route
from gateway.mail.envelope import Envelope, Recipient, ReversePath

ROUTES = {
    "bob.example": "bob",
    "Lab.Bob.Example.": "lab",
    "b\u00fccher.example": "shop",
    "xn--mnchen-3ya.example": "south",
    "[192.0.2.1]": "literal",
    "no domain": "nobody",
    "\u00fc \u00fc": "nobody",
    "*": "hub",
}


def route(address: str, routes: dict[str, str]) -> str | None:
    envelope = Envelope(ReversePath(""), (Recipient.parse(address),))
    return gateway_route(envelope, Config("c", "toml", "/s", None, {}, routes=routes))


@pytest.mark.parametrize(
    ("address", "node"),
    [
        ("a@bob.example", "bob"),
        ("a@BOB.example", "bob"),
        ("a@mail.bob.example", "bob"),
        ("a@lab.bob.example", "lab"),
        ("a@x.y.lab.bob.example", "lab"),
        ("a@notbob.example", "hub"),
        ("a@example", "hub"),
        ("a@xn--bcher-kva.example", "shop"),
        ("a@B\u00dcCHER.example", "shop"),
        ("a@m\u00fcnchen.example", "south"),
        ("a@[192.0.2.1]", "literal"),
        ("a@[192.0.2.2]", "hub"),
        ("postmaster", "hub"),
        ('"a@bob.example"@elsewhere.example', "hub"),
    ],
)
def test_the_longest_match_wins(address: str, node: str) -> None:
    assert node == route(address, ROUTES)


def test_without_a_match_others_are_asked() -> None:
    assert route("a@else.example", {"bob.example": "bob"}) is None
    assert route("a@bob.example", {}) is None
    assert route("postmaster", {"bob.example": "bob"}) is None


def test_a_top_level_domain_can_be_routed() -> None:
    assert "bob" == route("a@b.c.example", {"example": "bob"})
