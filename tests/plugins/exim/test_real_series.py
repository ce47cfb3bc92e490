"""Hundreds of small packets for the real Exim: sessions shared, none lost, none doubled unawares."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.crowd import Crowd
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

pytestmark = pytest.mark.exim

COUNT = 300
BAD = "a@[192.0.2.1]"
POISON = "poison@b.example"
MAIN = """\
acl_smtp_rcpt = acl_rcpt
acl_not_smtp = acl_text
{main}
begin acl
acl_rcpt:
  drop local_parts = poison
       message = go away
  deny local_parts = a
  accept
acl_text:
  deny condition = ${if match{$recipients}{poison}}
       condition = ${run{/bin/sh -c 'kill -9 \\$PPID'}{yes}{yes}}
  accept
"""


class Place:
    """An Exim that queues, and how many of what it took were for whom."""

    def __init__(self, folder: Path, make_exim: Callable[..., Exim], main: str = "") -> None:
        self.folder = folder
        self.exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, MAIN.replace("{main}", main))

    def crowd(self, handle: str, mode: str, others: dict[int, str] | None = None) -> Crowd:
        command = json.dumps([str(self.exim.sendmail("-odq")), mode])
        return Crowd(self.folder, f"{handle}, command = {command}", COUNT, others, 'plugins = ["exim"]')

    def got(self) -> Counter[str]:
        """Wait until no Exim is at work any more."""
        before = ""
        while before != (before := self.exim.records()):
            time.sleep(0.5)
        return Counter(re.findall(r" <= .* for (\S+)$", before, re.MULTILINE))

    def sessions(self) -> int:
        """Return how many processes took something: Exim notes its own in the name of a message."""
        ids = re.findall(r"^\S+ \S+ \w+-(\w+)-\w+ <=", self.exim.records(), re.MULTILINE)
        return len(set(ids))


@pytest.fixture
def place(tmp_path: Path, make_exim: Callable[..., Exim]) -> Place:
    return Place(tmp_path, make_exim)


WAYS = [
    ('egress = "exim", session = 20', "-bS", ()),
    ('egress = "exim", session = 20', "-bS", ("--jobs", "4")),
    ('egress = "smtp"', "-bs", ()),
    ('egress = "smtp"', "-bs", ("--jobs", "4")),
]
EACH = pytest.mark.parametrize(("handle", "mode", "words"), WAYS, ids=str)


@EACH
def test_one_that_is_refused_costs_the_others_nothing(
    place: Place, handle: str, mode: str, words: tuple[str, ...]
) -> None:
    crowd = place.crowd(handle, mode, {100: BAD})
    done = crowd.toss(*words)
    assert f"delivered {COUNT - 1}, held 1" in str(done)
    good = set(crowd.recipients.values()) - {BAD}
    assert Counter(good) == place.got()
    assert {BAD} == crowd.left("hold")
    assert place.sessions() <= COUNT / 10


def test_a_dropped_session_is_replaced(place: Place) -> None:
    crowd = place.crowd('egress = "smtp"', "-bs", {100: POISON, 200: "poison@c.example"})
    done = crowd.toss()
    assert f"delivered {COUNT - 2}, held 2" in str(done)
    assert Counter(set(crowd.recipients.values()) - crowd.left("hold")) == place.got()


@pytest.mark.parametrize("session", [1, 20])
def test_a_killed_exim_costs_its_own_session_only(place: Place, session: int) -> None:
    crowd = place.crowd(f'egress = "exim", session = {session}', "-bS", {100: POISON})
    crowd.toss("--jobs", "2")
    again = crowd.left("work")
    assert POISON in again
    assert len(again) <= session
    good = set(crowd.recipients.values()) - {POISON}
    assert good == crowd.seen() | again - {POISON}
    crowd.toss("--jobs", "2")
    assert {POISON} == crowd.left("work"), "it took others with it again"
    got = place.got()
    assert good == set(got)
    assert {name for name, times in got.items() if times > 1} <= again
    assert max(got.values()) <= 2


def test_a_server_that_counts_messages_is_asked_again(tmp_path: Path, make_exim: Callable[..., Exim]) -> None:
    place = Place(tmp_path, make_exim, "smtp_accept_max_per_connection = 7")
    crowd = place.crowd('egress = "smtp"', "-bs")
    assert f"delivered {COUNT}" in str(crowd.toss())
    assert Counter(crowd.recipients.values()) == place.got()
    assert place.sessions() >= COUNT / 7


@EACH
def test_after_a_kill_none_is_lost_and_only_what_was_under_way_is_doubled(
    place: Place, handle: str, mode: str, words: tuple[str, ...]
) -> None:
    crowd = place.crowd(handle, mode)
    under_way = crowd.toss_killed(60, *words)
    place.got()
    assert f"delivered {COUNT - len(crowd.seen())}" in str(crowd.toss(*words))
    got = place.got()
    assert set(crowd.recipients.values()) == set(got)
    assert {name for name, times in got.items() if times > 1} <= under_way
    assert max(got.values()) <= 2
    assert set() == crowd.left("rx") | crowd.left("work")
