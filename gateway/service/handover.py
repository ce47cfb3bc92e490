"""What pipe commands hand over: a part of the resident process, one thread for each command."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import struct
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import EX_OK, told
from gateway.request.handover import GO, LARGEST, LENGTH, Offer, answer, home
from gateway.request.request import Caller, Request
from gateway.service.as_loaded import AsLoaded
from gateway.service.handed_input import HandedInput
from gateway.service.local_socket import readable
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.service.ground import Ground
    from gateway.service.part import Pulse

__all__ = ["Handover"]

MOST_COMMANDS = 100
"""At a time; more wait until one is done, and soon do their work themselves."""

_BEAT = 10.0
"""[s] Between two looks at whether anything hangs."""
_STUCK = 30.0
"""[s] After which a command that waits for us is no progress."""
_PATIENCE = 5.0
"""[s] For all that a command says without having to wait for anybody, however it is cut."""
_MOST_TOLD = 20
_CREDENTIALS = struct.Struct("3i")


class Handover:
    """Does the work of pipe commands, by the same functions, and tells them what became of it.

    Only commands of the spool's owner, or root's, that go by the very configuration that we do.
    All others are hung up on, before they have given anything away.
    """

    name = "submit"

    def __init__(self, ground: Ground, listener: socket.socket) -> None:
        self._ground = ground
        self._listener = listener
        self._spool = ground.spool.sharing()
        self._loaded = AsLoaded(ground.config)
        self._told: set[str] = set()
        self._at_work: dict[threading.Thread, HandedInput | None] = {}

    async def run(self, pulse: Pulse) -> None:
        """Take work until cancelled; what is under way comes to its end, unless its input does not."""
        beat = asyncio.create_task(self._beat(pulse))
        try:
            self._listener.setblocking(False)
            await self._accept()
        finally:
            try:
                while self._at_work:
                    await asyncio.sleep(0.02)
            finally:
                beat.cancel()

    async def _accept(self) -> None:
        while True:
            await readable(self._listener)
            while len(self._at_work) >= MOST_COMMANDS:
                await asyncio.sleep(0.02)
            try:
                command, _ = self._listener.accept()
            except BlockingIOError:
                continue
            except OSError as failure:  # no descriptors left, or the command is gone already
                self._ground.say(f"submit: accept: {failure.strerror}")
                await asyncio.sleep(0.5)
                continue
            self._admit(command)

    def _admit(self, command: socket.socket) -> None:
        def serve() -> None:
            try:
                with command:
                    self._serve(command)
            except Exception as failure:  # whatever it is, it is this command's alone
                self._ground.say(f"submit: {type(failure).__name__}: {failure}")
            finally:
                del self._at_work[threading.current_thread()]

        # A daemon: what hangs in it must not keep the process from ending.
        thread = threading.Thread(target=serve, name="gateway-submit", daemon=True)
        self._at_work[thread] = None
        try:
            thread.start()
        except RuntimeError as failure:
            del self._at_work[thread]
            command.close()
            self._ground.say(f"submit: {failure}")

    def _serve(self, command: socket.socket) -> None:
        try:
            if self._objects(self._objection_to_user(command)):
                return
            offer = _offer(command)
            if offer is None or self._objects(self._objection_to(offer)):
                return
            command.settimeout(_PATIENCE)
            command.sendall(GO)
            _, descriptors, _, _ = socket.recv_fds(command, 1, 1, socket.MSG_CMSG_CLOEXEC)
        except (OSError, ValueError):
            return  # it went away, or does not speak as we do: it does its work itself
        if not descriptors:
            return
        with HandedInput(descriptors[0], command, self._ground.leaving.is_set) as source:
            self._at_work[threading.current_thread()] = source
            status, text = self._fulfil(offer, source)
            try:
                command.sendall(answer(status, text))
            except OSError:
                if status == EX_OK:
                    self._ground.say("submit: queued, but the command went away: its MTA may send it again")

    def _objects(self, reason: str) -> bool:
        """Whether there is a reason not to do this; it is told once."""
        if reason and reason not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(reason)
            self._ground.say(f"submit: {reason}: pipe commands do their work themselves")
        return bool(reason)

    def _objection_to_user(self, command: socket.socket) -> str:
        """Return why it is not for us, from whoever it comes; nobody else is listened to at all."""
        credentials = command.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, _ = _CREDENTIALS.unpack(credentials)
        if user in (0, os.stat(self._ground.config.spool).st_uid):
            return ""
        return f"user {user} is neither root nor the spool's owner"

    def _objection_to(self, offer: Offer) -> str:
        """Return why it is not for us: it goes by another configuration than ours."""
        config = self._ground.config
        if offer.home != home():
            return f"{offer.home} is another installation than {home()}"
        if (offer.path, offer.spool) != (config.path, config.spool):
            return f"{offer.path} with {offer.spool} is not {config.path} with {config.spool}"
        if not self._loaded.holds(offer.path, offer.stamp):
            return f"{config.path} is not what this service works by, until SIGHUP"
        return "NNCPNOSYNC is set" if os.environ.get("NNCPNOSYNC") else ""

    def _fulfil(self, offer: Offer, source: HandedInput) -> tuple[int, str]:
        """Do the work; return the status and the line for stderr, whatever happens."""
        committed = threading.Event()
        try:
            request = Request.of(offer.command, offer.words, {})
            request.check(self._ground.config)
            request.fulfil(
                self._ground.config,
                self._spool,
                self._ground.registry,
                io.BufferedReader(source),
                Caller(offer.environ, offer.parent),
                on_staged=partial(self._before_commit, source),
                on_committed=committed.set,
            )
        except BaseException as failure:  # everything unforeseen is temporary
            if committed.is_set():
                return EX_OK, printable(f"queued, but: {type(failure).__name__}: {failure}")
            return told(failure)
        return EX_OK, ""

    def _before_commit(self, source: HandedInput) -> None:
        """Raise `Interrupted` if nobody waits for the answer any more; from here on it will be 0."""
        source.check()

    async def _beat(self, pulse: Pulse) -> None:
        while True:
            since = [source.since for source in list(self._at_work.values()) if source is not None]
            if all(began is None or time.monotonic() - began < _STUCK for began in since):
                pulse()
            await asyncio.sleep(_BEAT)


def _offer(command: socket.socket) -> Offer | None:
    """Return what is offered, or None where there is nothing.

    Raises:
        OSError, ValueError: it is not what a pipe command of ours says.
    """
    until = time.monotonic() + _PATIENCE
    length = int(_exactly(command, LENGTH, until) or b"0")
    if not 0 < length <= LARGEST:
        return None
    return Offer.decode(_exactly(command, length, until))


def _exactly(command: socket.socket, size: int, until: float) -> bytes:
    found = b""
    while len(found) < size:
        command.settimeout(max(until - time.monotonic(), 0.001))
        octets = command.recv(size - len(found))
        if not octets:
            return b""
        found += octets
    return found
