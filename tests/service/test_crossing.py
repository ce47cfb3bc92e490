"""Mail on its whole way between two residents, over links that break and processes that are killed."""

from __future__ import annotations

import random
import signal
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim, router
from tests.real.programs import gateway_script
from tests.service.conftest import EVERY_SECOND, Pair, inbox
from tests.service.link import Link
from tests.service.resident import Resident, serving, subjects, submit, until

MakeExim = Callable[..., Exim]

LMTP_TRANSPORT = """\
gateway:
  driver = lmtp
  socket = {socket}
  batch_max = 100
  timeout = 10m
"""


def route(pair: Pair, port: int, *lines: str) -> None:
    """Let alice call bob over another port."""
    toml = [f'{inbox(pair.alice)}addrs.lan = "127.0.0.1:{port}"', *(lines or (EVERY_SECOND,))]
    pair.alice.know(pair.bob, toml="\n".join(toml))


def take_lmtp(pair: Pair, path: Path) -> None:
    """Let alice take mail at a socket, all of it for bob."""
    pair.alice.tail = f'[serve]\nlmtp = "{path}"\n[routes]\n"*" = "bob"\n'
    pair.alice.write()


@pytest.mark.exim
def test_from_exim_to_exim_within_two_seconds(pair: Pair, make_exim: MakeExim, tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    take_lmtp(pair, path)
    sends = make_exim("a.example", router("bob"), LMTP_TRANSPORT.format(socket=path) + LOCAL_TRANSPORT)
    takes = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, "acl_smtp_rcpt = accept\n")
    handle = (
        f'exec.rsmtp = {{ egress = "exim", command = ["{takes.sendmail()}", "-bS"] }}\nonlinedeadline = 1'
    )
    pair.bob.know(pair.alice, toml=handle)
    took = []
    with serving(pair.bob), serving(pair.alice):
        # A busy machine may be late now and then; one that waits for a clock of its own always is.
        while len(took) < 5 and min(took, default=9) > 2:
            number = len(took)
            sends.inject("joe@a.example", [f"x{number}@b.example"], b"Subject: hi\n\nfrom Exim to Exim\n")
            begun = time.monotonic()
            until(lambda number=number: len(takes.mails()) > number)  # type: ignore[misc]
            took.append(time.monotonic() - begun)
    assert min(took) < 2, took
    first = takes.mails()[0]
    assert ("joe@a.example", ("x0@b.example",)) == (first.sender, first.recipients)
    assert first.message.endswith(b"\n\nfrom Exim to Exim\n")
    assert 0 == sends.queued()


def test_a_link_that_is_pulled_in_the_middle_of_50_mb(pair: Pair) -> None:
    size, cuts = 50_000_000, (3_000_000, 100_000, 20_000_000, 1_000_000, 9_000_000)
    with Link(pair.port, cuts=cuts) as link:
        route(pair, link.port)
        with serving(pair.bob), serving(pair.alice):
            submit(pair.alice, pair.bob, "long", size)
            until(lambda: ["long"] == subjects(pair.at_bob))
            until(lambda: not pair.alice.packets("tx"))
    [file] = (pair.at_bob / "new").iterdir()
    assert size * 0.99 < file.stat().st_size
    assert len(cuts) <= link.cut
    # What had crossed did not cross again: some two payloads a session, and what was on its way.
    assert link.carried < size + (len(cuts) + 1) * 2_000_000
    assert [] == list(pair.bob.spool.glob("*/rx/*.part"))


class Killed:
    """The residents of some nodes, of which one is killed and started again every now and then."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._nodes = {"alice": pair.alice, "bob": pair.bob}
        self._running = {name: self._start(name) for name in self._nodes}
        self._chance = random.Random(seed)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.spare()
        for one in self._running.values():
            one.close()

    def spare(self) -> None:
        """Kill no more."""
        self._enough.set()
        self._thread.join()

    def _start(self, name: str) -> Resident:
        node = self._nodes[name]
        command = [gateway_script(), "--config", str(node.toml), "serve"]
        return Resident(command, node.directory / "serve.out")

    def _run(self) -> None:
        while not self._enough.wait(self._chance.uniform(0.5, 4)):
            name = self._chance.choice(sorted(self._nodes))
            self._running[name].end(signal.SIGKILL)
            self.kills[name] += 1
            self._running[name] = self._start(name)


def send(path: Path, subject: str) -> int:
    """Send a mail until it is taken, as an MTA does; return how often no answer came to all of it."""
    letter, lost = f"Subject: {subject}\n\nhello\n".encode(), 0
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end, subject
        said_all = False
        try:
            with smtplib.LMTP(str(path), timeout=20) as client:
                client.ehlo_or_helo_if_needed()
                client.mail("a@a.example")
                client.rcpt("b@b.example")
                said_all = True
                code, text = client.data(letter)
                if code == 250:
                    return lost
                assert 400 <= code < 500, text
        except (OSError, smtplib.SMTPException):
            lost += said_all
            time.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_any_moment_of_a_stream(pair: Pair, tmp_path: Path, seed: int) -> None:
    """200 mails over LMTP and TCP into a Maildir, while either service is killed again and again.

    More than once arrives only what a window in docs/spool.md is for: a mail whose answer was lost
    with the service that took it, and of what the killed receiver was delivering, one each time.
    """
    path, wanted = tmp_path / "lmtp.sock", {f"mail {number}" for number in range(200)}
    take_lmtp(pair, path)
    with Killed(pair, seed) as services:
        lost = Counter({subject: send(path, subject) for subject in sorted(wanted)})
        until(lambda: sum(services.kills.values()) >= 8, "kills")
        services.spare()
        until(lambda: wanted == set(subjects(pair.at_bob)), "all mails")
        until(lambda: not pair.alice.packets("tx") + pair.bob.packets("rx") + pair.bob.packets("work"))
    assert [] == pair.bob.packets("hold")
    doubled = Counter(subjects(pair.at_bob)) - Counter(wanted) - lost
    assert doubled.total() <= services.kills["bob"], doubled
