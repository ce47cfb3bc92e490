from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from gateway.config.model import Accept, Handle, Retry
from gateway.engine.fate import Fate
from gateway.errors import PluginError, Refused
from gateway.mail.envelope import Recipient
from gateway.mta import Delivery, EventKind, Outcome, Verdict
from gateway.packet.identity import encode
from gateway.registry import Registry
from tests.engine.parties import BATCH, Party, carry

THREE = b"".join(BATCH.replace(b"x@", f"x{i}@".encode()) for i in range(3))


def taken(delivery: Delivery) -> list[Outcome]:
    return [Outcome(delivery.transaction, Verdict.TAKEN)]


def deferred(delivery: Delivery) -> list[Outcome]:
    return [Outcome(delivery.transaction, Verdict.DEFERRED, "come back")]


def refused(delivery: Delivery) -> list[Outcome]:
    return [Outcome(delivery.transaction, Verdict.REFUSED, "550 never")]


def record(party: Party, box: str) -> dict[str, object]:
    (path,) = Path(party.spool.root).glob(f"*/{box}/*.json")
    value = json.loads(path.read_text())
    assert isinstance(value, dict)
    return value


@pytest.fixture
def arrived(alice: Party, bob: Party) -> str:
    """One batch in Bob's rx; its name."""
    alice.submit(BATCH, "bob")
    (name,) = carry(alice, bob)
    return name


def test_delivered_is_seen_and_gone(bob: Party, arrived: str) -> None:
    assert "delivered 1" == str(bob.toss())
    assert ({arrived}, [], [], []) == (bob.seen(), bob.jobs("rx"), bob.jobs("work"), bob.tmp())
    assert [EventKind.DELIVERED] == [event.kind for event in bob.events]


def test_a_replay_is_dropped_without_delivery(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    carry(alice, bob, keep=True)
    bob.toss()
    carry(alice, bob)
    assert "repeated 1" == str(bob.toss())
    assert 1 == len(bob.memory.got)
    assert [] == bob.jobs("rx")


def test_a_replay_by_another_neighbour_is_dropped(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    carol = party("carol")
    bob.knows(carol)
    alice.submit(BATCH, "bob")
    (name,) = carry(alice, bob, keep=True)
    bob.toss()
    os.makedirs(bob.box(carol, "rx"), exist_ok=True)
    os.rename(alice.box(bob, "tx") / name, bob.box(carol, "rx") / name)
    assert "repeated 1" == str(bob.toss())
    assert 1 == len(bob.memory.got)


def test_the_same_packet_in_work_elsewhere_is_left(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    carol = party("carol")
    bob.knows(carol)
    bob.memory.say = deferred
    bob.reconfigure(retry=Retry(schedule=(3600.0,)))
    alice.submit(BATCH, "bob")
    (name,) = carry(alice, bob, keep=True)
    bob.toss()
    os.makedirs(bob.box(carol, "rx"), exist_ok=True)
    os.rename(alice.box(bob, "tx") / name, bob.box(carol, "rx") / name)
    assert "left 1" == str(bob.toss())
    assert 1 == len(bob.memory.got)


def test_deferred_waits_in_work_with_the_words(bob: Party, arrived: str) -> None:
    bob.memory.say = deferred
    bob.reconfigure(retry=Retry(schedule=(60.0, 3600.0)))
    before = time.time()
    assert "deferred 1" == str(bob.toss())
    assert [arrived] == bob.jobs("work")
    kept = record(bob, "work")
    assert (1, "come back", False) == (kept["attempts"], kept["error"], kept["running"])
    assert before + 60 <= float(str(kept["next"])) <= time.time() + 60
    assert "" == str(bob.toss()), "not due yet"


def test_due_again_is_tried_again(bob: Party, arrived: str) -> None:
    bob.memory.say = deferred
    bob.toss()
    bob.memory.say = taken
    assert "delivered 1" == str(bob.toss())
    assert 2 == len(bob.memory.got)


def test_given_up_is_held_never_deleted(bob: Party, arrived: str) -> None:
    bob.memory.say = deferred
    bob.reconfigure(retry=Retry(schedule=(0.0,), give_up=0.0))
    bob.toss()
    assert [arrived] == bob.jobs("hold")
    assert "given up after 1 attempts: come back" == record(bob, "hold")["reason"]
    assert EventKind.HELD is bob.events[-1].kind


def test_refused_is_held_in_the_mtas_words(bob: Party, arrived: str) -> None:
    bob.memory.say = refused
    assert "held 1" == str(bob.toss())
    assert "refused: x@b.example: 550 never" == record(bob, "hold")["reason"]


def test_one_bad_of_three_none_lost_none_repeated(alice: Party, bob: Party) -> None:
    def second_refused(delivery: Delivery) -> list[Outcome]:
        return refused(delivery) if delivery.transaction == 1 else taken(delivery)

    alice.submit(THREE, "bob")
    carry(alice, bob)
    bob.memory.say = second_refused
    bob.toss()
    assert ["x0@b.example", "x1@b.example", "x2@b.example"] == [r for _, (r,), _ in bob.memory.got]
    (name,) = bob.jobs("hold")
    bob.memory.say = taken
    job = next(iter(bob.spool.find(name)))
    bob.spool.release(job)
    bob.memory.got.clear()
    assert "delivered 1" == str(bob.toss())
    assert ["x1@b.example"] == [r for _, (r,), _ in bob.memory.got]


def test_what_was_taken_is_not_fed_again_after_a_deferral(alice: Party, bob: Party) -> None:
    alice.submit(THREE, "bob")
    carry(alice, bob)
    bob.memory.say = lambda d: deferred(d) if d.transaction == 2 else taken(d)
    bob.toss()
    bob.memory.got.clear()
    bob.memory.say = taken
    bob.toss()
    assert ["x2@b.example"] == [r for _, (r,), _ in bob.memory.got]


def test_recipients_of_one_transaction_are_told_apart(alice: Party, bob: Party) -> None:
    alice.submit(BATCH.replace(b"DATA", b"RCPT TO:<y@b.example>\nRCPT TO:<z@b.example>\nDATA"), "bob")
    carry(alice, bob)

    def by_recipient(delivery: Delivery) -> Iterable[Outcome]:
        yield Outcome(0, Verdict.TAKEN, "", (Recipient("x@b.example"),))
        yield Outcome(0, Verdict.REFUSED, "no y", (Recipient("y@b.example"),))
        yield Outcome(0, Verdict.DEFERRED, "later", (Recipient("z@b.example"),))

    bob.memory.say = by_recipient
    assert "deferred 1" == str(bob.toss())
    bob.memory.say = taken
    assert "held 1" == str(bob.toss())
    assert ("z@b.example",) == bob.memory.got[-1][1]
    assert "refused: y@b.example: no y" == record(bob, "hold")["reason"]


def test_an_egress_that_says_nothing_or_raises_defers(bob: Party, arrived: str) -> None:
    bob.memory.say = lambda d: []
    assert "deferred 1" == str(bob.toss())
    assert "egress memory said nothing of it" == record(bob, "work")["error"]

    def crash(delivery: Delivery) -> list[Outcome]:
        raise ZeroDivisionError("oops")

    bob.memory.say = crash
    assert "deferred 1" == str(bob.toss())
    assert "ZeroDivisionError: oops" == record(bob, "work")["error"]


def test_an_outcome_for_a_foreign_transaction_settles_nothing(bob: Party, arrived: str) -> None:
    bob.memory.say = lambda d: [Outcome(7, Verdict.TAKEN)]
    assert "deferred 1" == str(bob.toss())
    assert [arrived] == bob.jobs("work")


def test_three_deaths_and_it_is_held(bob: Party, arrived: str) -> None:
    def die(delivery: Delivery) -> list[Outcome]:
        raise KeyboardInterrupt  # as a kill would: no clean end of the attempt

    bob.memory.say = die
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            bob.toss()
    assert "held 1" == str(bob.toss())
    assert 3 == len(bob.memory.got)
    assert "our own process died 3 times while delivering it" == record(bob, "hold")["reason"]


def test_most_urgent_first_then_oldest(alice: Party, bob: Party) -> None:
    for niceness, word in ((200, b"slow"), (10, b"fast"), (96, b"mid1"), (96, b"mid2")):
        alice.submit(BATCH.replace(b"hello", word), "bob", niceness=niceness)
        (name,) = carry(alice, bob)
        stamp = 1_000_000_000 + {b"mid1": 1, b"mid2": 2}.get(word, 0)
        os.utime(bob.box(alice, "rx") / name, (stamp, stamp))
    assert "delivered 3" == str(bob.toss(nice=100))
    bob.toss()
    assert [b"fast", b"mid1", b"mid2", b"slow"] == [body.split(b"\n")[2] for _, _, body in bob.memory.got]


def test_parallel_deliveries_lose_nothing(alice: Party, bob: Party) -> None:
    for i in range(30):
        alice.submit(BATCH.replace(b"hello", str(i).encode()), "bob")
    carry(alice, bob)
    assert "delivered 30" == str(bob.toss(jobs=8))
    assert {str(i).encode() for i in range(30)} == {body.split(b"\n")[2] for _, _, body in bob.memory.got}


def test_no_handle_is_held_with_the_line_to_add(alice: Party, bob: Party) -> None:
    alice.submit(b"", "bob", "shell")
    carry(alice, bob)
    bob.toss()
    assert (
        "no handle 'shell' for alice: add exec.shell to [neigh.alice] in bob.toml"
        == record(bob, "hold")["reason"]
    )


@pytest.mark.parametrize(
    ("accept", "why"),
    [
        (
            Accept(senders=("*@other.example", "<>")),
            "alice: sender joe@a.example is not among accept.senders",
        ),
        (
            Accept(recipients=("*@here.example",)),
            "alice: recipient x@b.example is not among accept.recipients",
        ),
        (Accept(max_size=20), "over-limit"),
    ],
)
def test_policy_is_asked_before_any_program(alice: Party, bob: Party, accept: Accept, why: str) -> None:
    bob.knows(alice, accept=accept)
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got
    assert str(record(bob, "hold")["reason"]).startswith(why)


def test_a_batch_that_is_none_is_held_before_any_program(alice: Party, bob: Party) -> None:
    alice.submit(BATCH + b"MAIL FROM:<x@y>\n", "bob")
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got


def test_a_raw_job_for_an_egress_with_envelopes_stays(alice: Party, bob: Party) -> None:
    bob.knows(alice, handles={"raw": Handle("raw", egress="memory", command=("x",), form="raw")})
    alice.submit(b"", "bob", "raw")
    (name,) = carry(alice, bob)
    assert "failed 1" == str(bob.toss())
    assert [name] == bob.jobs("rx")


def test_a_broken_plugin_keeps_the_job_in_rx(bob: Party, arrived: str) -> None:
    bob.reconfigure(plugins=("gone",))
    broken = Registry(bob.config, report=bob.said.append)
    bob.registry = lambda: broken  # type: ignore[method-assign]
    assert "failed 1" == str(bob.toss())
    assert [arrived] == bob.jobs("rx")
    assert any("gone: not installed" in said for said in bob.said)


@pytest.mark.parametrize("place", [0, 7, 11, 50, 110, 171, 180, -1])
def test_a_changed_byte_is_held_and_reaches_nobody(
    bob: Party, alice: Party, arrived: str, place: int
) -> None:
    path = bob.box(alice, "rx") / arrived
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got
    assert [arrived] == bob.jobs("hold")


def test_a_wrong_name_is_held(bob: Party, alice: Party, arrived: str) -> None:
    path = bob.box(alice, "rx") / arrived
    path.rename(path.with_name("A" * 51 + "Q"))
    assert "held 1" == str(bob.toss())
    assert str(record(bob, "hold")["reason"]).startswith("wrong-name")
    assert [] == bob.memory.got


def test_the_hdr_copy_is_never_believed(
    bob: Party, alice: Party, party: Callable[[str], Party], arrived: str
) -> None:
    mallory = party("mallory")
    bob.knows(mallory, handles={})
    header = bob.box(alice, "rx") / "hdr" / arrived
    header.parent.mkdir(exist_ok=True)
    forged = bytearray((bob.box(alice, "rx") / arrived).read_bytes()[:172])
    forged[12:44] = mallory.identity.id
    header.write_bytes(forged)
    assert "delivered 1" == str(bob.toss())
    assert "alice" == bob.events[-1].node


def test_an_unknown_sender_is_held(alice: Party, bob: Party, party: Callable[[str], Party]) -> None:
    stranger = party("stranger")
    stranger.knows(bob)
    stranger.submit(BATCH, "bob")
    carry(stranger, bob)
    assert "held 1" == str(bob.toss())
    assert str(record(bob, "hold")["reason"]).startswith("unknown-sender")


def test_relayed_by_a_hub_that_cannot_read(alice: Party, bob: Party, party: Callable[[str], Party]) -> None:
    hub = party("hub")
    for one, other in ((alice, hub), (hub, alice), (hub, bob), (bob, hub)):
        one.knows(other)
    alice.knows(bob, via=("hub",))
    names = alice.submit(BATCH, "bob")
    assert names == carry(alice, hub)
    assert "relayed 1" == str(hub.toss())
    (inner,) = carry(hub, bob)
    assert inner not in names
    assert "delivered 1" == str(bob.toss())
    assert "alice" == bob.events[-1].node
    assert set(names) == hub.seen()


def test_a_hub_wraps_again_where_its_own_way_has_relays(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    hub, second = party("hub"), party("second")
    everybody = (alice, bob, hub, second)
    for one in everybody:
        for other in everybody:
            if one is not other:
                one.knows(other)
    alice.knows(bob, via=("hub",))
    hub.knows(bob, via=("second",))
    alice.submit(BATCH, "bob", niceness=33)
    carry(alice, hub)
    hub.toss()
    carry(hub, second)
    assert "relayed 1" == str(second.toss())
    assert 33 == second.events[-1].niceness
    carry(second, bob)
    assert "delivered 1" == str(bob.toss())


def test_a_transit_packet_for_an_unknown_node_is_held(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    carol = party("carol")
    alice.knows(carol, via=("bob",))
    alice.submit(BATCH, "carol")
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert (
        f"unknown next node {encode(carol.identity.id)}: add it to bob.toml" == record(bob, "hold")["reason"]
    )


def test_a_transit_packet_to_ourselves_comes_home(alice: Party, bob: Party) -> None:
    alice.knows(bob, via=("bob",))
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    bob.toss()
    bob.toss()
    assert 1 == len(bob.memory.got)


def test_an_acknowledgement_drops_the_packet_at_its_sender_only(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    bob.knows(alice, ack=True)
    alice.submit(BATCH, "bob")
    carry(alice, bob, keep=True)
    assert "delivered 1" == str(bob.toss())
    carry(bob, alice)
    assert "acknowledged 1" == str(alice.toss())
    assert [] == alice.jobs("tx")


def test_dry_run_changes_nothing(bob: Party, arrived: str) -> None:
    before = sorted(str(p) for p in Path(bob.spool.root).rglob("*"))
    assert "left 1" == str(bob.toss(dry_run=True))
    assert before == sorted(str(p) for p in Path(bob.spool.root).rglob("*"))
    assert ["from alice, niceness 96: would deliver by handle 'rsmtp'"] == [
        s.split(": ", 1)[1] for s in bob.said
    ]


def test_a_busy_lock_is_said_and_skipped(bob: Party, alice: Party, arrived: str) -> None:
    with bob.spool.lock(encode(alice.identity.id), "toss"):
        tally = bob.toss()
    assert [encode(alice.identity.id)] == list(tally.busy)
    assert [] == bob.memory.got


@pytest.mark.parametrize("kind", [1, 2, 6])
def test_what_is_not_ours_is_left_in_place(alice: Party, bob: Party, kind: int) -> None:
    from gateway.packet.plain import Plain
    from gateway.packet.sealing import Hop, Sealer

    content = bytearray()
    sealer = Sealer(
        content.extend,
        identity=alice.identity,
        route=[Hop(bob.identity.id, bob.identity.exchpub)],
        niceness=96,
        plain=Plain(kind, 96, b"x" * 32),
    )
    name = sealer.finish().name
    bob.box(alice, "rx").mkdir(parents=True)
    (bob.box(alice, "rx") / name).write_bytes(content)
    assert {Fate.LEFT: 1} == bob.toss().fates
    assert [name] == bob.jobs("rx")


def test_a_job_whose_record_cannot_be_read_is_held(bob: Party, arrived: str) -> None:
    bob.memory.say = deferred
    bob.toss()
    (path,) = Path(bob.spool.root).glob("*/work/*.json")
    path.write_bytes(b"{")
    assert "held 1" == str(bob.toss())
    assert 1 == len(bob.memory.got)
    assert str(record(bob, "hold")["reason"]).startswith("the job's record cannot be read")


def checked_by(party: Party, monkeypatch: pytest.MonkeyPatch, failure: Exception | None) -> None:
    """Have a plugin's gateway_check_delivery end with `failure` for the second transaction."""

    def check(_registry: Registry, delivery: Delivery) -> None:
        if failure is not None and delivery.transaction == 1:
            raise failure

    monkeypatch.setattr(Registry, "check_delivery", check)


def test_what_a_check_refuses_is_held_and_the_others_are_delivered(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.submit(THREE, "bob")
    carry(alice, bob)
    checked_by(bob, monkeypatch, Refused("not here"))
    assert "held 1" == str(bob.toss())
    assert ["x0@b.example", "x2@b.example"] == [r for _, (r,), _ in bob.memory.got]
    assert "refused: x1@b.example: not here" == record(bob, "hold")["reason"]


def test_a_check_that_fails_is_asked_again_by_the_schedule_and_is_no_death_of_ours(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.submit(THREE, "bob")
    carry(alice, bob)
    checked_by(bob, monkeypatch, PluginError("plugin strict: boom"))
    assert ["deferred 1"] * 5 == [str(bob.toss()) for _ in range(5)]
    kept = record(bob, "work")
    assert (5, 0, "plugin strict: boom") == (kept["attempts"], kept["deaths"], kept["error"])
    checked_by(bob, monkeypatch, None)
    assert "delivered 1" == str(bob.toss())
    assert ["x0@b.example", "x2@b.example", "x1@b.example"] == [r for _, (r,), _ in bob.memory.got]


@pytest.mark.parametrize("crash", [SystemExit(0), RecursionError("deep")])
def test_an_egress_that_leaves_takes_nobody_with_it(alice: Party, bob: Party, crash: BaseException) -> None:
    alice.submit(BATCH, "bob")
    alice.submit(THREE, "bob")
    carry(alice, bob)

    def leave(delivery: Delivery) -> list[Outcome]:
        raise crash

    bob.memory.say = leave
    assert "deferred 2" == str(bob.toss())


@pytest.mark.parametrize("damage", ["rx", "work", "toss.lock", "fifo"])
def test_a_damaged_directory_of_one_neighbour_stops_no_other(
    party: Callable[[str], Party], bob: Party, arrived: str, damage: str
) -> None:
    carol = party("carol")
    bob.knows(carol)
    broken = bob.box(carol, "rx").parent
    broken.mkdir()
    if damage in ("rx", "work"):
        (broken / damage).touch()
    else:
        (broken / "rx").mkdir()
        (broken / "rx" / arrived).touch()
        (os.mkfifo if damage == "fifo" else os.mkdir)(broken / "toss.lock")
    assert "failed 1" in str(bob.toss())
    assert 1 == len(bob.memory.got)


def test_a_fifo_in_the_place_of_a_record_is_not_waited_for(bob: Party, arrived: str) -> None:
    bob.memory.say = deferred
    bob.toss()
    (path,) = bob.root.glob("spool/*/work/*.json")
    path.unlink()
    os.mkfifo(path)
    assert "deferred 1" == str(bob.toss())
    assert path.is_file()


@pytest.mark.parametrize(
    "changes", [{"next": 9e9}, {"next": 1e300, "attempts": -(10**9)}, {"first": 9e9, "next": 0}]
)
def test_a_clock_that_was_wrong_or_a_flipped_bit_keeps_no_job(
    bob: Party, arrived: str, changes: dict[str, float]
) -> None:
    """What is due further ahead than the schedule reaches is due now."""
    bob.reconfigure(retry=Retry(schedule=(0.0, 60.0), give_up=3600.0))
    bob.memory.say = deferred
    bob.toss()
    (path,) = bob.root.glob("spool/*/work/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    assert "deferred 1" == str(bob.toss())
    first = record(bob, "work")["first"]
    assert isinstance(first, float)
    assert first <= time.time()


def test_what_was_first_tried_before_the_clock_was_set_is_not_given_up(bob: Party, arrived: str) -> None:
    """A machine without a clock of its own starts in 1970."""
    bob.reconfigure(retry=Retry(schedule=(0.0,), give_up=3600.0))
    bob.memory.say = deferred
    bob.toss()
    (path,) = bob.root.glob("spool/*/work/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "first": 60.0, "next": 120.0}))
    assert "deferred 1" == str(bob.toss())
    first = record(bob, "work")["first"]
    assert isinstance(first, float)
    assert first > time.time() - 60


def test_a_packet_whose_way_leads_back_to_its_sender_is_held(
    party: Callable[[str], Party], alice: Party, bob: Party
) -> None:
    """Two nodes that each reach a third through the other would pass it to and fro for ever."""
    carol = party("carol")
    alice.knows(carol, via=("bob",))
    bob.knows(carol, via=("alice",))
    alice.submit(BATCH, "carol")
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert str(record(bob, "hold")["reason"]).startswith("a circle: our way to carol leads back to alice")
    bob.knows(carol)
    (job,) = bob.spool.jobs(encode(alice.identity.id), "hold")
    bob.spool.release(job)
    assert "relayed 1" == str(bob.toss())


@pytest.mark.parametrize(
    ("body", "accept", "fate"),
    [
        (BATCH, Accept(), "delivered 1"),
        (b"no batch", Accept(), "delivered 1"),
        (BATCH, Accept(recipients=("*@b.example",)), "delivered 1"),
        (BATCH, Accept(recipients=("*@here.example",)), "held 1"),
        (BATCH, Accept(senders=("<>",)), "held 1"),
        (b"no batch", Accept(recipients=("*@b.example",)), "held 1"),
    ],
)
def test_a_policy_holds_for_a_batch_that_a_command_gets_as_it_is(
    alice: Party, bob: Party, tmp_path: Path, body: bytes, accept: Accept, fate: str
) -> None:
    command = ("/bin/sh", "-c", f"cat > {tmp_path}/got")
    handle = Handle("rsmtp", egress="command", command=command, form="bsmtp")
    bob.knows(alice, handles={"rsmtp": handle}, accept=accept)
    alice.submit(body, "bob", "rsmtp")
    carry(alice, bob)
    assert fate == str(bob.toss())
    assert ("delivered" in fate) == (tmp_path / "got").exists()


def test_trouble_before_the_hand_over_is_no_death(bob: Party, arrived: str) -> None:
    def die(delivery: Delivery) -> list[Outcome]:
        raise KeyboardInterrupt

    bob.memory.say = die
    with pytest.raises(KeyboardInterrupt):
        bob.toss()
    plugins, bob.config = bob.config, bob.config._replace(plugins=("gone",))
    broken = Registry(bob.config, report=bob.said.append)
    sound, bob.registry = bob.registry, lambda: broken  # type: ignore[method-assign]
    for _ in range(4):
        assert "failed 1" == str(bob.toss())
    bob.config, bob.registry, bob.memory.say = plugins, sound, taken  # type: ignore[method-assign]
    assert "delivered 1" == str(bob.toss())
