"""Any MTA to any MTA: what real programs send by every way in leaves by every way out, whole.

Every letter goes in once by every way. The same packets then reach bob as many times as he has
ways out: sender, recipients (none lost, none twice) and octets are compared at the end.
What may differ is in `tests.mta.letters.EXCEPTIONS`.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mta import ways_in, ways_out
from tests.mta.letters import Row, arrived, sent
from tests.mta.ways_in import OTHER_FORMS, WAYS, MakeExim, MakePostfix, Ways, domains, ways_of
from tests.mta.ways_out import far, receive, table, toss_all
from tests.real.cap import write_recorder
from tests.real.exim import Exim, Mail
from tests.real.nodes import Make, Node
from tests.real.postfix import Postfix

pytestmark = [pytest.mark.exim, pytest.mark.postfix, pytest.mark.timeout(300)]


class Post(NamedTuple):
    """What lies on a medium: packets of all letters by all ways, from their senders for bob and eve."""

    medium: Path
    senders: tuple[Node, ...]
    bob: Node
    eve: Node


@pytest.fixture(scope="module")
def post(
    tmp_path_factory: pytest.TempPathFactory, make_shared_exim: MakeExim, make_shared_postfix: MakePostfix
) -> Post:
    """What was sent, once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "post"
    place.mkdir(exist_ok=True)
    kept = place / "kept"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(send(place, make_shared_exim, make_shared_postfix)))
    found: Post = pickle.loads(kept.read_bytes())
    return found


def send(place: Path, make_exim: MakeExim, make_postfix: MakePostfix) -> Post:
    """Have both MTAs send all letters by all their ways, and put the packets onto a medium."""
    bob, eve = Node(place / "bob", "bob"), Node(place / "eve", "eve")
    ways = WAYS | OTHER_FORMS
    with ThreadPoolExecutor(2) as both:
        under_way = (
            both.submit(ways_in.send_from_exim, make_exim, [bob, eve], ways_of("exim", ways)),
            both.submit(ways_in.send_from_postfix, make_postfix, [bob, eve], ways_of("postfix", ways)),
        )
    senders = [one.result() for one in under_way]
    for sender in senders:
        sender.pack(place / "medium", bob, eve)
    return Post(place / "medium", tuple(sender.node for sender in senders), bob, eve)


@pytest.fixture(scope="module")
def exim(make_shared_exim: MakeExim) -> Exim:
    return ways_out.exim_that_takes_all(make_shared_exim)


@pytest.fixture(scope="module")
def postfix(make_shared_postfix: MakePostfix) -> Postfix:
    return ways_out.postfix_that_takes_all(make_shared_postfix, domains(WAYS))


Leave = Callable[[str], None]


@pytest.fixture
def leave(post: Post, tmp_path: Path) -> Leave:
    """Have bob toss everything, every handle going to one egress."""

    def by(toml: str) -> None:
        bob = far(tmp_path, post.bob, post.senders)
        receive(bob, toml, post.medium)
        toss_all(bob)

    return by


def check(mails: list[Mail], ways: Ways = WAYS) -> None:
    """Compare what came out with what went in, way by way."""
    expected, found = sent(domains(ways)), arrived(mails)
    different = difference(expected - found, found - expected)
    assert not different, "\n".join(different)


def difference(missing: Counter[Row], too_much: Counter[Row]) -> list[str]:
    """Return what is missing and what is too much, a few of each."""
    return [
        f"{word}: {name} from <{sender}> to <{recipient}>, {count} times"
        for word, side in (("missing", missing), ("too much", too_much))
        for (sender, recipient, name), count in list(side.items())[:12]
    ]


def test_into_exim_by_batch_smtp(leave: Leave, exim: Exim) -> None:
    leave(table("exim", command=[str(exim.sendmail()), "-odq", "-bS"]))
    check(ways_out.from_exim(exim))


def test_into_exim_by_smtp_on_its_standard_input(leave: Leave, exim: Exim) -> None:
    leave(table("smtp", command=[str(exim.sendmail()), "-odq", "-bs"]))
    check(ways_out.from_exim(exim))


def test_into_an_exim_that_listens(leave: Leave, exim: Exim) -> None:
    address = exim.start()
    try:
        leave(table("smtp", address=address))
    finally:
        exim.stop()
    check(ways_out.from_exim(exim))


def test_into_exim_as_rmail_calls_it(leave: Leave, exim: Exim) -> None:
    leave(table("rmail", command=[str(exim.sendmail()), "-odq"]))
    check(ways_out.from_exim(exim))


def test_into_postfix(leave: Leave, postfix: Postfix) -> None:
    leave(table("postfix", command=[str(postfix.sendmail())]))
    check(ways_out.from_postfix(postfix, sent(domains(WAYS)).total()))


def test_into_postfix_by_smtp_on_its_standard_input(leave: Leave, postfix: Postfix) -> None:
    leave(table("smtp", command=[str(postfix.sendmail()), "-bs"]))
    check(ways_out.from_postfix(postfix, sent(domains(WAYS)).total()))


def test_into_a_maildir(leave: Leave, tmp_path: Path) -> None:
    leave(table("maildir", path=str(tmp_path / "Maildir")))
    check(ways_out.from_maildir(tmp_path / "Maildir"))


@pytest.mark.nncp
@pytest.mark.parametrize(("make", "ways"), [("nncp", WAYS | OTHER_FORMS), ("gateway", WAYS)])
def test_into_a_plain_command(post: Post, nncp_bin: Path, tmp_path: Path, make: Make, ways: Ways) -> None:
    """NNCP's own toss runs it, or ours: body and arguments as they were sent."""
    recorder = write_recorder(tmp_path / "recorder")
    for model in (post.bob, post.eve) if OTHER_FORMS.keys() <= ways.keys() else (post.bob,):
        node = far(tmp_path, model, post.senders, nncp_bin)
        for neighbour in node.neighbours.values():
            neighbour.handles = {word: [str(recorder.program), word] for word in ways_out.HANDLES}
        receive(node, "", post.medium)
        toss_all(node, make)
    check(ways_out.from_recorder(recorder), ways)


def test_written_in_another_form_and_read_again(post: Post, tmp_path: Path) -> None:
    eve = far(tmp_path, post.eve, post.senders)
    receive(eve, table("maildir", path=str(tmp_path / "Maildir")), post.medium)
    toss_all(eve)
    check(ways_out.from_maildir(tmp_path / "Maildir"), OTHER_FORMS)
