"""``gateway queue`` on the spool of a node that has packets in several states."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from gateway import cli
from gateway.cli import run_command
from gateway.cli.queue_rows import JsonLines, Names, describe
from gateway.engine import intervention, queue
from gateway.engine.queue import Selector
from gateway.mta import Outcome, Verdict
from gateway.spool import delayed
from gateway.spool.spool import Spool
from tests.engine.parties import BATCH, Party, carry


class Bob(Party):
    """Bob, and his queue command."""

    names: dict[str, str]
    capsys: pytest.CaptureFixture[str]

    def queue(self, *words: str) -> tuple[int, str, str]:
        """Return status, stdout and stderr."""
        status = run_command(["queue", *words], {})
        return (status, *self.capsys.readouterr())

    def listed(self, *words: str) -> dict[str, dict[str, object]]:
        status, out, _ = self.queue("list", "--json", *words)
        assert 0 == status
        return {facts["state"]: facts for facts in map(json.loads, out.splitlines())}


@pytest.fixture
def bob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bob:
    """Bob's spool has one packet deferred, one held, one arrived and one queued."""
    alice, bob = Party(tmp_path, "alice"), Bob(tmp_path, "bob")
    alice.knows(bob)
    bob.knows(alice)
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 later\x1b[2J")]
    bob.reconfigure(retry=bob.config.retry._replace(schedule=(1000.0,)))
    bob.names = {}
    for state, handle in (("deferred", "rsmtp"), ("held", "nobody"), ("arrived", "rsmtp")):
        (bob.names[state],) = alice.submit(BATCH, "bob", handle)
        carry(alice, bob)
        if state != "arrived":
            bob.toss()
    (bob.names["queued"],) = bob.submit(BATCH, "alice")
    bob.capsys = capsys
    monkeypatch.setattr(cli.Setting, "config", lambda self: bob.config)
    return bob


def test_list_as_json(bob: Bob) -> None:
    listed = bob.listed()
    assert bob.names == {state: facts["packet"] for state, facts in listed.items()}
    deferred, held, queued = listed["deferred"], listed["held"], listed["queued"]
    keys = ("node", "sender", "recipient", "niceness", "direction")
    assert ["alice", "alice", "self", 96, "rx"] == [deferred[key] for key in keys]
    assert 1 == deferred["attempts"]
    assert "451 later" in str(deferred["error"])
    assert "no handle 'nobody'" in str(held["reason"])
    assert ("tx", "self", "alice") == (queued["direction"], queued["sender"], queued["recipient"])


def test_list_for_people(bob: Bob) -> None:
    status, out, said = bob.queue("list")
    assert 0 == status
    heading, *lines = out.splitlines()
    assert ["PACKET", "STATE", "NODE", "SIZE", "AGE", "NOTE"] == heading.split()
    assert {name[:12] for name in bob.names.values()} == {line.split()[0] for line in lines}
    assert "\x1b" not in out
    assert "4 packets" in said


def test_list_with_what_stands_in_the_headers(bob: Bob) -> None:
    heading, *lines = bob.queue("list", "--long")[1].splitlines()
    assert ["PACKET", "STATE", "NODE", "FROM", "NICE", "SIZE", "AGE", "NOTE"] == heading.split()
    assert {("alice", "P"), ("self", "P")} == {tuple(line.split()[3:5]) for line in lines}


def test_list_counts(bob: Bob) -> None:
    assert (0, "4\n", "") == bob.queue("list", "--count")
    assert (0, "1\n", "") == bob.queue("list", "--count", "--state", "held")
    sizes = [facts["size"] for facts in bob.listed().values()]
    assert {"packets": 4, "bytes": sum(sizes)} == json.loads(bob.queue("list", "--count", "--json")[1])


def test_the_lines_of_json_are_those_of_the_slow_way(bob: Bob) -> None:
    now = time.time()
    bob.queue("hold", "--tx", "--all")
    [queued] = bob.submit(BATCH, "alice")
    [node] = [job.node for job in bob.spool.find(queued)]
    delayed.remember(bob.spool, node, delayed.Memory(senders={queued: ("joe@a.example",)}))
    bob.submit(BATCH, "alice")
    names = Names(bob.config)
    lines = JsonLines(names)
    rows = list(queue.rows(bob.spool, Selector(), now))
    assert 6 == len(rows)
    assert [("joe@a.example",)] == [row.warned for row in rows if row.warned]
    assert [json.dumps(describe(row, names)) for row in rows] == [lines.line(row) for row in rows]


def test_the_shape(bob: Bob) -> None:
    path = Path(bob.spool.paths.packet(str(bob.listed()["queued"]["node_id"]), "tx", bob.names["queued"]))
    os.utime(path, (0, time.time() - 700))
    heading, total, alice = bob.queue("list", "--shape")[1].splitlines()
    assert "NODE T 5 10 20 40 80 160 320 640 1280 1280+" == " ".join(heading.split())
    assert ["TOTAL", "4", "3", "0", "1"] == total.split()[:5]
    assert ["alice", *total.split()[1:]] == alice.split()
    (facts,) = map(json.loads, bob.queue("list", "--shape", "--json")[1].splitlines())
    assert ("alice", 4, 3, 1) == (
        facts["node"],
        facts["packets"],
        facts["minutes"]["5"],
        facts["minutes"]["20"],
    )
    assert (0, "") == bob.queue("list", "--shape", "ZZ")[:2]


def test_what_was_removed_can_be_restored(bob: Bob) -> None:
    name = bob.names["queued"]
    bob.queue("remove", "--yes", "--reason", "too early", "--keep", "2h", name)
    assert bob.names.keys() - {"queued"} == bob.listed().keys()
    out = bob.queue("list", "--state", "removed")[1]
    assert "gone in 1h: too early" in out
    assert (0, f"restore {name}\n", "") == bob.queue("restore", "--all")
    assert "too early" == bob.listed("--tx")["held"]["reason"]
    assert 0 == bob.queue("release", name)[0]
    assert name == bob.listed()["queued"]["packet"]


def test_the_trash_is_kept_as_long_as_configured(bob: Bob) -> None:
    bob.reconfigure(trash_age=100.0)
    bob.queue("remove", "--yes", bob.names["arrived"])
    expires = bob.listed("--state", "removed")["removed"]["expires"]
    assert isinstance(expires, int)
    assert 90 < expires - time.time() <= 100


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (["--tx"], {"queued"}),
        (["--rx"], {"deferred", "held", "arrived"}),
        (["--state", "held", "--state", "arrived"], {"held", "arrived"}),
        (["--older", "1h"], set()),
        (["--younger", "1h30m", "--rx", "--state", "held"], {"held"}),
        (["--nice", "95"], set()),
        (["--min-nice", "P", "--nice", "P", "--tx"], {"queued"}),
        (["--node", "self"], set()),
        (["--state", "waiting"], {"queued", "arrived"}),
        (["--in", "--newer", "1h"], {"deferred", "held", "arrived"}),
        (["--out"], {"queued"}),
        (["--larger", "1 MiB"], set()),
        (["--smaller", "1 MiB", "--larger", "100"], {"queued", "arrived", "deferred", "held"}),
        (["--handle", "rsmtp"], {"arrived", "deferred"}),
        (["--handle", "nobody"], {"held"}),
        (["--node", "alice", "--tx"], {"queued"}),
    ],
)
def test_selectors(bob: Bob, words: list[str], states: set[str]) -> None:
    assert states == bob.listed(*words).keys()


def test_list_selects_by_name_in_any_case(bob: Bob) -> None:
    assert {"held"} == bob.listed(bob.names["held"][:9].lower()).keys()


def test_a_spool_that_is_not_there_is_not_an_empty_one(bob: Bob) -> None:
    bob.reconfigure(spool="/nowhere/spool")
    status, out, said = bob.queue("list")
    assert (75, "") == (status, out)
    assert "/nowhere/spool" in said


def test_show_as_json(bob: Bob) -> None:
    status, out, _ = bob.queue("show", "--json", bob.names["deferred"][:10])
    facts = json.loads(out)
    assert 0 == status
    assert [{"sender": "joe@a.example", "recipients": ["x@b.example"]}] == facts["envelopes"]
    assert ("exec", "rsmtp", True) == (facts["type"], facts["handle"], facts["verified"])


def test_show_for_people(bob: Bob) -> None:
    status, out, _ = bob.queue("show", bob.names["deferred"])
    assert 0 == status
    assert out.startswith(bob.names["deferred"])
    for expected in ("<joe@a.example> to x@b.example", "451 later?[2J", "niceness", "rsmtp"):
        assert expected in out
    status, out, _ = bob.queue("show", bob.names["queued"])
    assert 0 == status
    assert "envelopes" not in out


def test_who_was_told_that_a_packet_waits(bob: Bob) -> None:
    name = bob.names["queued"]
    [node] = [job.node for job in bob.spool.find(name)]
    assert [] == bob.listed()["queued"]["warned"]
    delayed.remember(bob.spool, node, delayed.Memory(senders={name: ("joe@a.example", "sue@a.example")}))
    assert ["joe@a.example", "sue@a.example"] == bob.listed()["queued"]["warned"]
    assert "its sender was told that it waits" in bob.queue("list")[1]
    assert "warned        joe@a.example\n  warned        sue@a.example" in bob.queue("show", name)[1]


def test_show_with_a_time_that_no_calendar_has(bob: Bob) -> None:
    path, *_ = bob.root.glob(f"spool/*/work/{bob.names['deferred']}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "next": 1e300}))
    assert 0 == bob.queue("list")[0]
    status, out, _ = bob.queue("show", bob.names["deferred"])
    assert 0 == status
    assert "1e+300 (no time)" in out


def test_show_knows_what_was_here(bob: Bob) -> None:
    assert 0 == bob.queue("remove", "--yes", bob.names["held"])[0]
    assert "removed by the operator" in bob.queue("show", bob.names["held"])[1]
    assert 0 == bob.queue("remove", "--yes", "--state", "removed", "--all")[0]
    status, out, said = bob.queue("show", bob.names["held"])
    assert (1, "") == (status, out)
    assert "not here any more" in said
    assert "no packet begins with ZZ" in bob.queue("show", "zz")[2]


def test_hold_and_release(bob: Bob) -> None:
    name = bob.names["queued"]
    assert (0, f"hold {name}\n", "") == bob.queue("hold", "--tx", "--all", "--reason", "storm")
    facts = next(f for f in map(json.loads, bob.queue("list", "--json", "--tx")[1].splitlines()))
    assert ("held", "storm", "tx") == (facts["state"], facts["reason"], facts["direction"])
    assert (0, f"release {name}\n", "") == bob.queue("release", name[:8])
    assert "queued" in bob.listed()


def test_retry_makes_due(bob: Bob) -> None:
    assert "next in" in bob.queue("list")[1]
    status, out, _ = bob.queue("retry", "--all", "--json")
    facts = json.loads(out)
    assert (0, "retry", True, bob.names["deferred"]) == (
        status,
        facts["action"],
        facts["done"],
        facts["packet"],
    )
    assert "due" in bob.queue("list", "--state", "deferred")[1]
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]
    bob.toss()
    assert "deferred" not in bob.listed()


def test_remove_asks(bob: Bob, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert 1 == bob.queue("remove", bob.names["queued"])[0]
    assert "queued" in bob.listed()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert 0 == bob.queue("remove", bob.names["queued"])[0]
    assert "queued" not in bob.listed()


def test_a_removed_packet_does_not_come_back(bob: Bob) -> None:
    assert 0 == bob.queue("remove", "--yes", "--state", "arrived")[0]
    assert "seen" == bob.spool.known(bob.names["arrived"])


@pytest.mark.parametrize("verb", ["hold", "release", "retry", "remove", "restore"])
def test_acting_needs_a_selection_and_something_selected(bob: Bob, verb: str) -> None:
    before = sorted(os.walk(bob.spool.root))
    status, _, said = bob.queue(verb)
    assert 2 == status
    assert "--all" in said
    assert (1, "") == bob.queue(verb, "ZZZZ")[:2]
    assert sorted(before) == sorted(os.walk(bob.spool.root))


@pytest.mark.parametrize("verb", ["hold", "release", "retry", "remove"])
def test_a_dry_run_changes_nothing(bob: Bob, verb: str) -> None:
    before = sorted(os.walk(bob.spool.root))
    status, out, _ = bob.queue(verb, "--all", "--dry-run")
    assert 0 == status
    assert out.startswith(f"would {verb} ")
    assert before == sorted(os.walk(bob.spool.root))


def test_a_busy_neighbour_is_said_and_temporary(bob: Bob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervention, "PATIENCE", 0.0)
    (node,) = {str(facts["node_id"]) for facts in bob.listed().values()}
    with bob.spool.lock(node, "toss"):
        status, out, said = bob.queue("remove", "--yes", "--state", "deferred", "--state", "held")
    assert (75, f"remove {bob.names['held']}\n") == (status, out)
    assert "another process is at work" in said


def test_wrong_words_are_usage(bob: Bob) -> None:
    assert 2 == bob.queue("list", "--rx", "--tx")[0]
    assert 2 == bob.queue("list", "--older", "soon")[0]
    assert 2 == bob.queue("list", "--state", "lost")[0]


def test_check_finds_and_repairs(bob: Bob) -> None:
    assert (0, "", "gateway: all is well\n") == bob.queue("check")
    path = bob.spool.paths.packet(str(bob.listed()["queued"]["node_id"]), "tx", bob.names["queued"])
    Path(path).write_bytes(Path(path).read_bytes()[:-1] + b"!")
    assert 0 == bob.queue("check", "--quick")[0]
    status, out, said = bob.queue("check")
    assert (1, 1) == (status, len(out.splitlines()))
    assert out.startswith("name: ")
    assert "--repair" in out
    assert "1 findings" in said
    (facts,) = map(json.loads, bob.queue("check", "--json")[1].splitlines())
    assert ("name", True, False) == (facts["kind"], facts["mendable"], facts["mended"])
    status, out, _ = bob.queue("check", "--repair")
    assert (0, True) == (status, out.startswith("mended: "))
    assert "damaged" in str(bob.listed("--tx")["held"]["reason"])
    assert 0 == bob.queue("check")[0]


def test_check_empties_the_trash_only_when_asked(bob: Bob) -> None:
    bob.queue("remove", "--yes", "--keep", "0.01s", bob.names["queued"])
    time.sleep(0.02)
    assert (1, 1) == (bob.queue("check")[0], len(bob.listed("--state", "removed")))
    assert (0, 0) == (bob.queue("check", "--repair")[0], len(bob.listed("--state", "removed")))


def test_check_says_what_somebody_is_at_work_on(bob: Bob) -> None:
    facts = bob.listed()["arrived"]
    path = Path(bob.spool.paths.packet(str(facts["node_id"]), "rx", bob.names["arrived"]))
    path.write_bytes(path.read_bytes() + b"!")
    with bob.spool.lock(str(facts["node_id"]), "toss"):
        status, out, _ = bob.queue("check", "--repair")
    assert 75 == status
    assert "another process is at work" in out
    assert "arrived" in bob.listed()


def test_a_job_moves_to_another_machine(bob: Bob, tmp_path: Path) -> None:
    file, name = str(tmp_path / "job.tar"), bob.names["deferred"]
    assert 2 == bob.queue("export", name, "--remove", "--output", file)[0]
    bob.queue("hold", name, "--reason", "moving")
    assert (0, "", "") == bob.queue("export", name, "--remove", "--output", file)
    assert "exported to" in str(bob.listed("--state", "removed")["removed"]["reason"])
    assert (0, f"known {name} (trash)\n", "") == bob.queue("import", file)
    bob.spool = Spool(str(tmp_path / "elsewhere"))
    os.mkdir(bob.spool.root)
    bob.reconfigure(spool=bob.spool.root)
    assert (0, f"would import {name} (hold)\n", "") == bob.queue("import", "--dry-run", file)
    assert (0, f"import {name} (hold)\n", "") == bob.queue("import", file)
    assert 0 == bob.queue("release", name)[0]
    assert 1 == len(bob.listed())
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]
    bob.memory.got.clear()
    bob.toss()
    assert 1 == len(bob.memory.got)
    facts = json.loads(bob.queue("import", "--json", file)[1])
    assert ("seen", False) == (facts["known"], facts["done"])


def test_export_writes_over_nothing(bob: Bob, tmp_path: Path) -> None:
    file = tmp_path / "job.tar"
    file.write_text("something else")
    assert 75 == bob.queue("export", bob.names["held"], "--output", str(file))[0]
    assert "something else" == file.read_text()
    assert 2 == bob.queue("export")[0]
    assert 1 == bob.queue("export", "ZZZ", "--output", str(tmp_path / "none"))[0]


def test_import_says_what_it_refuses(bob: Bob, tmp_path: Path) -> None:
    file = tmp_path / "job.tar"
    bob.queue("export", bob.names["held"], "--output", str(file))
    whole = file.read_bytes()
    bob.reconfigure(spool=str(tmp_path))
    file.write_bytes(whole[:-1500])
    assert 75 == bob.queue("import", str(file))[0]
    file.write_bytes(bytes(2048))
    status, _, said = bob.queue("import", str(file))
    assert 1 == status
    assert "no packets" in said
    bob.reconfigure(neighbours={"self": bob.config.neighbours["self"]})
    file.write_bytes(whole)
    status, _, said = bob.queue("import", str(file))
    assert 1 == status
    assert "no neighbour of ours" in said
