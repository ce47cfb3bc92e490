"""Hundreds of small packets for the real Postfix by SMTP: one session, none lost, none doubled unawares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.crowd import Crowd
from tests.real.postfix import Postfix

pytestmark = pytest.mark.postfix

COUNT = 300
NO, LATER = "no@b.example", "later@b.example"
MAIN = """\
smtpd_recipient_restrictions = check_recipient_access inline:{
 {no@b.example=550 5.7.1 never} {later@b.example=421 4.7.0 not now} } permit_mynetworks reject
smtpd_hard_error_limit = 1
"""


@pytest.fixture
def postfix(make_postfix: Callable[..., Postfix]) -> Postfix:
    made = make_postfix("b.example", MAIN)
    made.start()
    return made


def crowd_for(postfix: Postfix, folder: Path, others: dict[int, str] | None = None) -> Crowd:
    return Crowd(folder, f'egress = "smtp", address = "127.0.0.1:{postfix.port}"', COUNT, others)


def got(postfix: Postfix, count: int) -> Counter[str]:
    postfix.wait_for_mails(count)
    assert Postfix.wait(lambda: not postfix.queued())
    return Counter(one for mail in postfix.mails() for one in mail.recipients)


def sessions(postfix: Postfix) -> int:
    return postfix.records().count(" connect from ")


@pytest.mark.parametrize("words", [(), ("--jobs", "4")], ids=["one", "four"])
def test_a_refusal_and_a_dropped_session_cost_the_others_nothing(
    postfix: Postfix, tmp_path: Path, words: tuple[str, ...]
) -> None:
    crowd = crowd_for(postfix, tmp_path, {100: NO, 200: LATER})
    before = sessions(postfix)
    assert f"delivered {COUNT - 2}, deferred 1, held 1" in str(crowd.toss(*words))
    assert {NO} == crowd.left("hold")
    assert {LATER} == crowd.left("work")
    assert Counter(set(crowd.recipients.values()) - {NO, LATER}) == got(postfix, COUNT - 2)
    assert sessions(postfix) - before <= 12


def test_after_a_kill_none_is_lost_and_only_what_was_under_way_is_doubled(
    postfix: Postfix, tmp_path: Path
) -> None:
    crowd = crowd_for(postfix, tmp_path)
    under_way = crowd.toss_killed(60, "--jobs", "4")
    assert len(under_way) <= 4
    assert f"delivered {COUNT - len(crowd.seen())}" in str(crowd.toss("--jobs", "4"))
    found = got(postfix, COUNT)
    assert set(crowd.recipients.values()) == set(found)
    assert {name for name, times in found.items() if times > 1} <= under_way
    assert max(found.values()) <= 2
