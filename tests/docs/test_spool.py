"""docs/spool.md against the layout, and its numbers against the code's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.engine.fate import Fate
from gateway.engine.retry import DEATHS_ALLOWED
from gateway.mta import Outcome, Verdict
from gateway.spool import layout, mark
from gateway.spool.finisher import BACKLOG
from gateway.spool.layout import BOXES, Layout
from tests.docs.pages import ROOT, blocks, rows, sections
from tests.engine.parties import BATCH, Party, carry
from tests.spool.samples import text_of

PAGE = ROOT / "docs" / "spool.md"
TEXT = PAGE.read_text()
SECTIONS = sections(PAGE)
NUMBERS = {2: "two", 3: "three", 4: "four"}


def drawn() -> set[str]:
    """Return the paths of the drawing, each of those that stand in one line by itself."""
    found = set()
    for line in blocks(TEXT, "text")[0].splitlines():
        names = re.split(r"\s{2,}", line)[0]
        if names.startswith("<ID>/rx.lock"):
            found |= {f"<ID>/{name}" for name in names.removeprefix("<ID>/").split()}
        elif ", " in names:
            found |= set(names.split(", "))
        elif names.endswith("[.json]"):
            found |= {names.removesuffix("[.json]"), names.removesuffix("[.json]") + ".json"}
        else:
            found.add(names.split(" -> ")[0])
    return found


def test_the_drawing_has_every_path_of_the_layout_and_no_other() -> None:
    node, name = text_of("node"), text_of("name")
    paths = Layout("")
    ours = {paths.packet(node, box, name) for box in BOXES}
    ours |= {paths.record(node, box, name) for box in BOXES if box in layout.REMEMBERED}
    ours |= {paths.answer(node, name), paths.delayed(node), paths.canary(node)}
    ours |= {paths.delay_report(node, name)}
    ours |= {paths.header(node, box, name).rpartition("/")[0] for box in ("rx", "tx")}
    ours |= {paths.lock(node, which) for which in ("rx", "tx", "toss")}
    ours |= {paths.seen(node, name), paths.alias("<NODE>"), f"{paths.tmp}/{layout.TEMPORARY}<random>"}
    assert drawn() == {path.replace(node, "<ID>").replace(name, "<NAME>").removeprefix("/") for path in ours}


def test_its_numbers_are_the_codes() -> None:
    through = SECTIONS["A packet is worked through"]
    assert f"at most {BACKLOG - 1} others" in through
    assert f"{BACKLOG} at most" in SECTIONS["When mail may arrive twice"]
    assert f"our own process died {NUMBERS[DEATHS_ALLOWED + 1]} times" in through


def test_the_states_are_numbered_without_a_gap() -> None:
    assert ["S0", "S1", "S2", "S3"] == [row[0] for row in rows(SECTIONS["A message comes in"])]
    assert [f"T{n}" for n in range(1, 7)] == [row[0] for row in rows(SECTIONS["A packet is worked through"])]
    assert [f"A{n}" for n in range(4)] == [row[0] for row in rows(SECTIONS["A sender is told"])]
    assert [f"D{n}" for n in range(4)] == [
        row[0] for row in rows(SECTIONS["A sender is told that mail waits"])
    ]


@pytest.fixture
def bob(tmp_path: Path) -> Party:
    """Bob, with a packet in his rx."""
    alice, bob = Party(tmp_path, "alice"), Party(tmp_path, "bob")
    alice.knows(bob)
    bob.knows(alice)
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    return bob


@pytest.mark.parametrize(
    ("leave", "then"),
    [
        (lambda spool, job: None, Fate.DELIVERED),
        (lambda spool, job: spool.begin(job), Fate.DELIVERED),
        (lambda spool, job: mark.make_by_name(spool, job.node, job.name) or spool.begin(job), Fate.REPEATED),
    ],
    ids=["T1", "T3", "T5"],
)
def test_a_crash_in_a_state_leads_to_what_the_table_says(
    bob: Party, leave: Callable[..., object], then: Fate
) -> None:
    (node,) = bob.spool.nodes()
    (job,) = bob.spool.jobs(node, "rx")
    leave(bob.spool, job)
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]
    assert {then: 1} == +bob.toss().fates
    assert (then is Fate.DELIVERED) == bool(bob.memory.got)
    assert ([], [], {job.name}) == (bob.jobs("rx"), bob.jobs("work"), bob.seen())
