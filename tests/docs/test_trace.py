"""docs/trace.md: its commands are run, its settings are the defaults, its words those of the code."""

from __future__ import annotations

import shlex

import pytest

from gateway.config.model import Config
from gateway.config.toml import read
from gateway.journal.place import place_of
from gateway.journal.segments import CURRENT, INDEX, PARTS
from gateway.mta import EventKind
from tests.docs.pages import ROOT, blocks, marked, rows, sections
from tests.real.nodes import Node

PAGE = ROOT / "docs" / "trace.md"
TEXT = PAGE.read_text()
SECTIONS = sections(PAGE)
BATCH = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n"
    b"Message-ID: <1@a.example>\nSubject: hi\n\nbody\n.\n"
)


def test_the_commands_find_the_message(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    assert 0 == alice.gateway("submit", "exim", "--node", "bob", stdin=BATCH).status
    lines = [line for block in marked(TEXT, "run") for line in block.splitlines()]
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        done = alice.gateway(*words)
        assert ("gateway", 0, True) == (program, done.status, b"submitted" in done.stdout), done


def test_every_event_is_explained() -> None:
    told = [word for cells in rows(SECTIONS["How to read it"]) for word in cells[0].split(", ")]
    assert {kind.value for kind in EventKind} == set(told)


def test_the_example_tells_what_the_code_tells() -> None:
    """The lines are those of `gateway.journal.telling`, for events like those."""
    from gateway.journal.entry import Entry
    from gateway.journal.telling import account

    submitted = {
        "handle": "rsmtp",
        "messages": [{"from": "joe@a.example", "to": ["x@b.example"], "id": "<1@a.example>"}],
        "process": {"parent": 4711, "program": "exim4"},
        "message_id": "1uMabc-000000002Cd-3efg",
        "layers": ["7FLRE6GO5NKQ", "AO3D7ZSI4IYR"],
    }
    session = {"session": "184505c1a6f2c3d0-1a2b"}
    events = [
        ("acknowledged", 0, "1uMxyz-000000001Ab-2cde", {"of": "AO3D7ZSI4IYR", "state": "delivered"}),
        ("sent", 1173, "", {"link": "call", **session}),
        ("call-started", 0, "", {"addr": "relay.example:5400", **session}),
        ("submitted", 0, "", submitted),
    ]
    shown = [line[56:] for line in blocks(TEXT, "text")[0].splitlines()[1:]]
    assert shown == [account(Entry("", 1, kind, "", "", 0, size, text, d)) for kind, size, text, d in events]


def test_the_settings_shown_are_the_defaults() -> None:
    [shown] = marked(SECTIONS["The journal"], "example")
    import tomllib

    table = tomllib.loads(shown)["plugin"]["journal"]
    config = Config("c", "toml", "/var/spool/gateway", None, {})
    assert place_of(config) == place_of(config._replace(plugin={"journal": table}))
    assert {8: "an eighth"}[PARTS] in SECTIONS["The journal"]
    assert {CURRENT, INDEX} <= {cells[0].strip("`") for cells in rows(SECTIONS["The journal"])}


def test_the_configuration_shown_is_taken(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    text = alice.toml.read_text()
    [journal], [ack] = (marked(SECTIONS[name], "example") for name in ("The journal", "Receipts"))
    with_ack = text.replace("[neigh.bob]\n", ack.replace("alice", "bob"))
    config = read(with_ack + journal, str(alice.toml))
    assert config.neighbours["bob"].ack


@pytest.mark.parametrize("wrong", ["max-size = 0.5", "enabled = 1", "colour = true"])
def test_a_mistake_in_the_table_is_found_by_the_check(two_nodes: tuple[Node, Node], wrong: str) -> None:
    alice, _ = two_nodes
    alice.tail = f"[plugin.journal]\n{wrong}"
    alice.write()
    done = alice.gateway("config", "check")
    assert 1 == done.status
    assert any("plugin.journal." in line for line in done.messages), done
