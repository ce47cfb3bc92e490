"""Handing the work of `exec` and `submit` over to the resident process, where there is one to trust.

Nothing is loaded here that the work itself would need: so `_signal` and `_socket`, whose
faces in the library (`signal`, `socket`) cost more than all the rest by defining enumerations.
"""

from __future__ import annotations

import _socket
import os
import sys

from gateway.config.glance import glance
from gateway.config.source import locate
from gateway.errors import EX_DATAERR, EX_NOPERM, EX_OK, EX_TEMPFAIL, GatewayError, Interrupted
from gateway.patience import DEFAULT_DEADLINE, GRACE, ending
from gateway.request.handover import GO, LARGEST, LONGEST_LINE, Offer, home, stamp_of
from gateway.request.words import split
from gateway.stderr import say

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping, Sequence
else:
    import _signal

FIRST_WORD = 2.0
"""[s] For the service to say that it takes the work; then we do it."""
_TICK = 1.0
"""[s] Python's handlers run between bytecodes: a signal just before a system call is seen after it."""
_ANSWERS = {str(status).encode(): status for status in (EX_OK, EX_DATAERR, EX_NOPERM, EX_TEMPFAIL)}
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGALRM")
_NAMES = {getattr(_signal, name): name for name in _SIGNALS}
_OURS_ALONE = ("GATEWAY_TRACE", "NNCPNOSYNC", "PYTHONHOME", "PYTHONPATH")
"""What in the environment is to change how this very process works."""
_LARGEST_FILE = 16 * 1024 * 1024


def hand_over(command: str, words: Sequence[str], before: Mapping[str, str]) -> int | None:
    """Have the resident process do the work; return the status, or None: nothing was begun, do it here.

    Raises:
        Interrupted: temporary; nothing was accepted.
    """
    try:
        found = _offer(command, words, before)
    except (GatewayError, OSError):
        return None  # whoever does the work says what is wrong
    if found is None:
        return None
    address, owner, offer = found
    heeded = _Signals()
    service = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        return _given(service, heeded) if _takes(service, address, owner, offer) else None
    finally:
        service.close()


def _takes(service: _socket.socket, address: str, owner: int, offer: bytes) -> bool:
    """Whether somebody whom we trust listens, and takes the work."""
    try:
        service.settimeout(FIRST_WORD)
        service.connect(address)
        if _peer(service) not in (0, owner):
            return False
        service.sendall(offer)
        return service.recv(1) == GO
    except OSError:
        return False


def _offer(command: str, words: Sequence[str], before: Mapping[str, str]) -> tuple[str, int, bytes] | None:
    """Return the socket's path, the spool's owner and our offer, if there may be somebody to take it.

    Raises:
        GatewayError, OSError: there is a mistake to be told of.
    """
    given, _, _ = split(command, words, before)
    if sys.stdin is None or "spool" in given or "log" in given:
        return None
    if any(name in os.environ for name in _OURS_ALONE):
        return None
    path = locate(given.get("config"), os.environ)
    if not path.startswith("/") or not path.endswith(".toml"):
        return None
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        told = glance(file.read(_LARGEST_FILE))
    if told is None:
        return None
    spool, address = told
    owner = os.stat(spool).st_uid
    if os.geteuid() not in (0, owner):
        return None  # the service would not take it
    offer = Offer(
        command=command,
        words=words,
        environ=os.environ,
        parent=os.getppid(),
        path=path,
        stamp=stamp_of(status),
        spool=spool,
        home=home(),
    ).encode()
    return (address, owner, offer) if len(offer) <= LARGEST else None


def _peer(service: _socket.socket) -> int:
    """Return the user id of who listens."""
    credentials = service.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)


def _given(service: _socket.socket, heeded: _Signals) -> int | None:
    """Pass standard input and wait for the answer; None if it certainly did not reach anybody."""
    buffer = bytearray(LONGEST_LINE + 8)
    why = ""
    try:
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, (0).to_bytes(4, sys.byteorder))
        try:
            service.sendmsg([GO], [rights])
        except OSError:
            return None
        _wait(service, buffer, DEFAULT_DEADLINE)
    except Interrupted as failure:
        why = str(failure)
    heeded.done()
    if why and b"\n" not in buffer:
        try:
            service.shutdown(_socket.SHUT_WR)
            _wait(service, buffer, GRACE)
        except OSError:
            pass
    return _status(bytes(buffer), why)


def _wait(service: _socket.socket, buffer: bytearray, seconds: float) -> None:
    """Fill the buffer until a line is there, the service hung up, or the time is over."""
    used = 0
    service.settimeout(_TICK)
    while seconds > 0 and b"\n" not in buffer:
        try:
            got = service.recv_into(memoryview(buffer)[used:])
        except TimeoutError:
            seconds -= _TICK
            continue
        except OSError:
            return
        if not got:
            return
        used += got


def _status(answer: bytes, why: str) -> int:
    """Say what there is to say, and return the exit status."""
    line, whole, _ = answer.partition(b"\n")
    word, _, text = line.partition(b" ")
    if not whole or word not in _ANSWERS:
        word, text = b"75", b"4.3.2 no answer from the resident process: nothing is known to be queued"
    status = _ANSWERS[word]
    if why and status == EX_TEMPFAIL:
        say(Interrupted(why).line())
    elif text:
        say(text.decode("utf-8", "replace"))
    return status


class _Signals:
    """From here on the first signal, or the deadline, raises `Interrupted`.

    Exim starts its children with SIGTERM, SIGINT and SIGHUP ignored. The work here is nothing
    but waiting, so that no second thread has to watch over it.
    """

    def __init__(self) -> None:
        self._done = False
        for number in _NAMES:
            _signal.signal(number, self._raise)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _NAMES)
        _signal.setitimer(_signal.ITIMER_REAL, DEFAULT_DEADLINE)

    def done(self) -> None:
        """From here on signals interrupt nothing."""
        self._done = True

    def _raise(self, number: int, _frame: object) -> None:
        if self._done:
            return
        self._done = True
        raise Interrupted(ending(_NAMES[number]))
