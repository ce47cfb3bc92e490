"""A neighbour with good keys and bad manners, and all that it does."""

from __future__ import annotations

import socket
from collections.abc import Callable

from gateway.links.noise import Initiator
from gateway.links.sync.channel import CallingChannel
from gateway.links.sync.envelope import MAGIC, wrap
from gateway.links.sync.messages import Done, File, Freq, Halt, Info, pad
from gateway.packet.identity import decode
from tests.real.nodes import Node

ONE = bytes([1]) * 32


class Mallory:
    """A neighbour with good keys and bad manners."""

    def __init__(self, address: tuple[str, int], me: Node, them: Node) -> None:
        self.end = socket.create_connection(address, timeout=30)
        self.keys = decode(me.keys.noiseprv), decode(me.keys.noisepub), decode(them.keys.noisepub)
        self.channel = CallingChannel(*self.keys)

    def greet(self, *messages: Info) -> Mallory:
        payload = b"".join(message.encode() for message in messages)
        self.end.sendall(self.channel.hello(pad(payload)))
        while not self.channel.open:
            data = self.end.recv(65536)
            assert data, "bob hung up"
            list(self.channel.feed(data))
        return self

    def say(self, payload: bytes) -> None:
        self.end.sendall(self.channel.seal(payload))

    def until_closed(self) -> None:
        try:
            while self.end.recv(65536):
                pass
        except ConnectionError:
            pass


def raw(stream: bytes) -> Callable[[Mallory], None]:
    return lambda mallory: mallory.end.sendall(stream)


def hello(payload: bytes) -> Callable[[Mallory], None]:
    def act(mallory: Mallory) -> None:
        mallory.end.sendall(wrap(Initiator(*mallory.keys).hello(payload)))

    return act


def after(payload: bytes) -> Callable[[Mallory], None]:
    return lambda mallory: mallory.greet().say(payload)


def wrong_magic_later(mallory: Mallory) -> None:
    mallory.greet().end.sendall(b"\xff" + MAGIC[1:] + bytes(8))


def silent_inside(mallory: Mallory) -> None:
    mallory.greet().end.sendall(wrap(bytes(500))[:300])


def replayed_later(mallory: Mallory) -> None:
    envelope = mallory.greet().channel.seal(Halt().encode())
    mallory.end.sendall(envelope + envelope)


def gone_at_once(mallory: Mallory) -> None:
    mallory.greet().end.shutdown(socket.SHUT_WR)


DEEDS: dict[str, Callable[[Mallory], None]] = {
    "garbage": raw(b"GET / HTTP/1.1\r\n\r\n"),
    "nothing at all": raw(b""),
    "half a magic": raw(MAGIC[:5]),
    "an envelope too large": raw(MAGIC + b"\xff" * 4),
    "a handshake that does not open": raw(wrap(bytes(200))),
    "a handshake too short": raw(wrap(bytes(20))),
    "a first payload with content": hello(File(ONE, 0, b"x").encode()),
    "a first payload with a confirmation": hello(Done(ONE).encode()),
    "a first payload cut short": hello(b"\0\0\0\0\0"),
    "a packet of size 0": hello(Info(160, 0, ONE).encode()),
    "a packet of size 0 later": after(Info(160, 0, ONE).encode()),
    "content not announced": after(File(ONE, 0, b"x").encode()),
    "empty content": after(File(ONE, 0, b"").encode()),
    "content announced and sent at once": after(Info(160, 1, ONE).encode() + File(ONE, 0, b"x").encode()),
    "an unknown type": after(b"\0\0\0\x2a"),
    "a message cut short": after(Freq(ONE, 0).encode()[:-3]),
    "a request of nothing": after(Freq(ONE, 2**64 - 1).encode()),
    "wrong magic later": wrong_magic_later,
    "silence inside an envelope": silent_inside,
    "a message replayed": replayed_later,
    "gone at once": gone_at_once,
    "a packet larger than any disk": after(Info(160, 2**63, ONE).encode()),
    "the largest size": after(Info(160, 2**64 - 1, ONE).encode()),
}
