"""Online sessions: what is durable when a packet is confirmed, and SIGKILL before every system call."""

from __future__ import annotations

import os
import signal
import socket
import warnings
from pathlib import Path
from typing import Any

import pytest

from gateway.links.session import Rules, Wire, answer, call, locked
from gateway.links.sync.machine import Machine
from gateway.packet.identity import encode
from tests.crash.shim import around
from tests.links.parties import QUICK, Site, answering, talk

RULES = Rules(onlinedeadline=1, deadline=5)


def test_a_packet_is_confirmed_only_once_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content synced, renamed, directory synced, confirmed: in this order, for each of many."""
    alice, bob = Site(tmp_path, "alice"), Site(tmp_path, "bob")
    names = {bob.queue(alice, size)[0] for size in (10, 20, 30, 40, 50, 200_000)}
    done: list[tuple[str, str]] = []

    def note(name: str, function: Any, arguments: tuple[Any, ...]) -> Any:
        what = str(arguments[0])
        if name == "fsync":
            what = os.readlink(f"/proc/self/fd/{arguments[0]}")
        result = function(*arguments)
        done.append((name, Path(what).name))
        return result

    confirm = Machine.confirm

    def confirmed(machine: Machine, packet: bytes) -> None:
        done.append(("confirm", encode(packet)))
        confirm(machine, packet)

    monkeypatch.setattr(Machine, "confirm", confirmed)
    neighbour = bob.neighbour()
    with (
        answering(bob, alice) as (end, _),
        locked(alice.party, neighbour, QUICK),
        Wire(end.fileno(), end.fileno()) as wire,
        around(note, ("fsync", "rename")),
    ):
        call(wire, alice.party, neighbour, QUICK)
    assert names == alice.names(bob, "rx")
    for name in names:
        synced, renamed = (done.index((call, f"{name}.part")) for call in ("fsync", "rename"))
        confirmation = done.index(("confirm", name))
        assert synced < renamed < confirmation
        assert ("fsync", "rx") in done[renamed:confirmation]


def killed_answering(bob: Site, alice: Site, end: socket.socket, step: int) -> int:
    """Answer in a child that is killed before call number `step`; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    left = step

    def kill(name: str, function: Any, arguments: tuple[Any, ...]) -> Any:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments)

    try:
        known = alice.neighbour()
        with around(kill, ("write", "fsync", "rename", "unlink")), Wire(end.fileno(), end.fileno()) as wire:
            answer(wire, bob.party, lambda _: known, lambda _: RULES, deadline=5)
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_of_the_receiver_loses_nothing_and_the_next_session_brings_the_rest(tmp_path: Path) -> None:
    step, status = 0, -1
    while status:
        (tmp_path / str(step)).mkdir()
        alice, bob = Site(tmp_path / str(step), "alice"), Site(tmp_path / str(step), "bob")
        whole = dict(alice.queue(bob, size) for size in (100, 300_000))
        neighbour = bob.neighbour()
        ours, theirs = socket.socketpair()
        child = killed_answering(bob, alice, theirs, step)
        theirs.close()
        with ours, locked(alice.party, neighbour, RULES), Wire(ours.fileno(), ours.fileno()) as wire:
            call(wire, alice.party, neighbour, RULES)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -signal.SIGKILL)
        arrived = bob.names(alice, "rx")
        assert set(whole) == alice.names(bob, "tx") | arrived
        assert all(whole[name] == bob.read(alice, name) for name in arrived)
        if status and step % 3 == 0:
            talk(alice, bob, rules=RULES, other=RULES)
            assert whole == {name: bob.read(alice, name) for name in bob.names(alice, "rx")}
            assert set() == alice.names(bob, "tx")
        step += 1
    assert step > 8
