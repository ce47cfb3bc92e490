"""The encrypted channel: payloads in, envelopes out, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.links.noise import Cipher, Initiator, Responder
from gateway.links.sync.breach import Breach
from gateway.links.sync.envelope import Unwrapper, wrap


class Channel:
    """What both ends have in common once the handshake is over; each end is a subclass."""

    def __init__(self) -> None:
        self._unwrapper = Unwrapper()
        self._sending: Cipher | None = None
        self._receiving: Cipher | None = None

    @property
    def open(self) -> bool:
        """Whether the handshake is over."""
        return self._sending is not None

    @property
    def inside(self) -> bool:
        """Whether an envelope has begun to arrive and is not whole yet."""
        return self._unwrapper.inside

    def seal(self, payload: bytes) -> bytes:
        """Return a payload as the next envelope."""
        if self._sending is None:
            raise RuntimeError("nothing can be sealed before the handshake is over")
        return wrap(self._sending.seal(payload))

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the payloads that arrived; exhaust it before the next call.

        Raises:
            Breach: temporary; the stream is no stream of envelopes.
            NoiseError: temporary; a message does not open.
        """
        for message in self._unwrapper.feed(data):
            if self._receiving is None:
                yield self._handshake(message)
            else:
                yield self._receiving.open(message)

    def _handshake(self, message: bytes) -> bytes:
        raise NotImplementedError


class CallingChannel(Channel):
    """The end that speaks first. Keys are 32 raw bytes: ours twice, then the peer's public one."""

    def __init__(self, private: bytes, public: bytes, peer: bytes) -> None:
        super().__init__()
        self._noise = Initiator(private, public, peer)

    def hello(self, payload: bytes) -> bytes:
        """Return the envelope to begin with.

        Raises:
            NoiseError: temporary; the peer's configured key is no key.
        """
        return wrap(self._noise.hello(payload))

    def _handshake(self, message: bytes) -> bytes:
        payload, self._sending, self._receiving = self._noise.answer(message)
        return payload


class AnsweringChannel(Channel):
    """The end that is called; `caller` is the public key of who called, once a payload came."""

    def __init__(self, private: bytes, public: bytes) -> None:
        super().__init__()
        self._noise = Responder(private, public)

    @property
    def caller(self) -> bytes:
        """The caller's public key, or nothing yet."""
        return self._noise.caller

    def answer(self, payload: bytes) -> bytes:
        """Return the envelope that ends the handshake.

        Raises:
            NoiseError: temporary; the caller's keys are no keys.
        """
        message, self._sending, self._receiving = self._noise.answer(payload)
        return wrap(message)

    def _handshake(self, message: bytes) -> bytes:
        if self.caller:
            raise Breach("the caller went on before it was answered")
        return self._noise.hello(message)
