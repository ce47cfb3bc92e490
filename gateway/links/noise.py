"""Noise_IK_25519_ChaChaPoly_BLAKE2b: both ends of the handshake and the transport after it.

No input or output: messages in, messages out. There is no maintained library for this suite;
the primitives are libsodium's and the standard library's, only their order is ours (the Noise
protocol framework, revision 34; sync protocol, Noise). An instance serves one session.
"""

from __future__ import annotations

import hmac
import os
from hashlib import blake2b

from nacl import bindings
from nacl.exceptions import CryptoError

from gateway.errors import GatewayError

_NAME = b"Noise_IK_25519_ChaChaPoly_BLAKE2b"
_HASH_SIZE = 64
KEY_SIZE = 32
TAG_SIZE = 16
MAX_MESSAGE = 65535
"""Bytes that one message may have."""


class NoiseError(GatewayError):
    """A message that this peer, with these keys, cannot have sent; the session is over."""


class Cipher:
    """One direction: ChaCha20-Poly1305 with a counter that never repeats."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._counter = 0

    def seal(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the ciphertext of the next message."""
        return bindings.crypto_aead_chacha20poly1305_ietf_encrypt(
            plaintext, associated, self._nonce(), self._key
        )

    def open(self, ciphertext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext of the next message.

        Raises:
            NoiseError: temporary; changed, replayed, out of order, or not from this peer.
        """
        try:
            return bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
                ciphertext, associated, self._nonce(), self._key
            )
        except (CryptoError, ValueError, TypeError) as error:
            raise NoiseError("a message does not open with the session's key") from error

    def _nonce(self) -> bytes:
        nonce = bytes(4) + self._counter.to_bytes(8, "little")
        self._counter += 1
        return nonce


class _Symmetric:
    """The running hash and chaining key of a handshake."""

    def __init__(self, responder_public: bytes) -> None:
        self._hash = self._chain = _NAME.ljust(_HASH_SIZE, b"\0")
        self._cipher = Cipher(bytes(KEY_SIZE))
        self.mix_hash(b"")
        self.mix_hash(responder_public)

    def mix_hash(self, data: bytes) -> None:
        self._hash = blake2b(self._hash + data).digest()

    def mix_key(self, private: bytes, public: bytes) -> None:
        try:
            shared = bindings.crypto_scalarmult(private, public)
        except (RuntimeError, ValueError, TypeError) as error:
            raise NoiseError("the peer's key agrees on nothing secret") from error
        self._chain, key = self._two(shared)
        self._cipher = Cipher(key[:KEY_SIZE])

    def seal(self, plaintext: bytes) -> bytes:
        ciphertext = self._cipher.seal(plaintext, self._hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def open(self, ciphertext: bytes) -> bytes:
        plaintext = self._cipher.open(ciphertext, self._hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[Cipher, Cipher]:
        first, second = self._two(b"")
        return Cipher(first[:KEY_SIZE]), Cipher(second[:KEY_SIZE])

    def _two(self, material: bytes) -> tuple[bytes, bytes]:
        temporary = _hmac(self._chain, material)
        first = _hmac(temporary, b"\x01")
        return first, _hmac(temporary, first + b"\x02")


class Initiator:
    """The calling end: `hello` goes out, `answer` takes what comes back.

    Keys are 32 raw bytes; `ephemeral` replaces the random one for test vectors only.
    """

    def __init__(self, private: bytes, public: bytes, peer: bytes, *, ephemeral: bytes = b"") -> None:
        self._private, self._public, self._peer = private, public, peer
        self._ephemeral = ephemeral or os.urandom(KEY_SIZE)
        self._state = _Symmetric(peer)

    def hello(self, payload: bytes) -> bytes:
        """Return the first message.

        Raises:
            NoiseError: temporary; the configured key of the peer is no key.
        """
        state, ephemeral = self._state, bindings.crypto_scalarmult_base(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral, self._peer)
        sealed = state.seal(self._public)
        state.mix_key(self._private, self._peer)
        return ephemeral + sealed + state.seal(payload)

    def answer(self, message: bytes) -> tuple[bytes, Cipher, Cipher]:
        """Take the second message; return its payload and the ciphers to send and receive with.

        Raises:
            NoiseError: temporary; not the peer's answer to our message.
        """
        ephemeral, sealed = _cut(message, KEY_SIZE)
        self._state.mix_hash(ephemeral)
        self._state.mix_key(self._ephemeral, ephemeral)
        self._state.mix_key(self._private, ephemeral)
        payload = self._state.open(sealed)
        send, receive = self._state.split()
        return payload, send, receive


class Responder:
    """The answering end: `hello` takes the first message, `answer` makes the second."""

    def __init__(self, private: bytes, public: bytes, *, ephemeral: bytes = b"") -> None:
        self._private = private
        self._ephemeral = ephemeral or os.urandom(KEY_SIZE)
        self._state = _Symmetric(public)
        self._caller_ephemeral = b""
        self.caller = b""
        """The caller's public key, authentic once `hello` has returned."""

    def hello(self, message: bytes) -> bytes:
        """Take the first message; return its payload, from whoever `caller` then names.

        The payload can be a replay of an earlier call: nothing may be acted on before the
        first transport message has opened.

        Raises:
            NoiseError: temporary; not meant for our key, or changed.
        """
        self._caller_ephemeral, rest = _cut(message, KEY_SIZE)
        sealed, payload = _cut(rest, KEY_SIZE + TAG_SIZE)
        self._state.mix_hash(self._caller_ephemeral)
        self._state.mix_key(self._private, self._caller_ephemeral)
        caller = self._state.open(sealed)
        self._state.mix_key(self._private, caller)
        opened = self._state.open(payload)
        self.caller = caller
        return opened

    def answer(self, payload: bytes) -> tuple[bytes, Cipher, Cipher]:
        """Return the second message and the ciphers to send and receive with.

        Raises:
            NoiseError: temporary; the caller's keys are no keys.
        """
        state, ephemeral = self._state, bindings.crypto_scalarmult_base(self._ephemeral)
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral, self._caller_ephemeral)
        state.mix_key(self._ephemeral, self.caller)
        message = ephemeral + state.seal(payload)
        receive, send = state.split()
        return message, send, receive


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "blake2b")


def _cut(message: bytes, size: int) -> tuple[bytes, bytes]:
    if len(message) < size + TAG_SIZE:
        raise NoiseError(f"a handshake message of {len(message)} bytes is too short")
    return message[:size], message[size:]
