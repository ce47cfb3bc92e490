"""Two machines back to back, and what a machine says to a peer that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.links.noise import Initiator, NoiseError
from gateway.links.sync.breach import Breach
from gateway.links.sync.channel import AnsweringChannel, CallingChannel
from gateway.links.sync.envelope import MAGIC, Unwrapper, wrap
from gateway.links.sync.machine import Announced, Called, Confirmed, Content, Event, Machine
from gateway.links.sync.messages import (
    MAX_CHUNK,
    MAX_PAYLOAD,
    Done,
    File,
    Freq,
    Halt,
    Info,
    Message,
    Ping,
    decode,
    pad,
)
from gateway.packet.identity import Identity

ALICE, BOB = Identity.generate(), Identity.generate()
ONE, TWO = bytes([1]) * 32, bytes([2]) * 32


class Pair:
    """A caller and one who was called, each with what it heard so far."""

    def __init__(
        self, calling: Iterable[Info] = (), called: Iterable[Info] = (), *, step: int = 0, **options: bool
    ) -> None:
        self.caller = Machine(CallingChannel(ALICE.noiseprv, ALICE.noisepub, BOB.noisepub), **options)
        self.called = Machine(AnsweringChannel(BOB.noiseprv, BOB.noisepub))
        self.step = step
        hello = self.caller.hello(calling)
        assert [Called(ALICE.noisepub)] == self.feed(self.called, hello)
        answer, events = self.called.answer(called)
        self.to_called = list(events)
        self.to_caller = self.feed(self.caller, answer)

    def feed(self, machine: Machine, data: bytes) -> list[Event]:
        step = self.step or max(1, len(data))
        return [
            Content(event.hash, bytes(event.data), event.complete) if isinstance(event, Content) else event
            for at in range(0, len(data), step)
            for event in machine.feed(data[at : at + step])
        ]

    def say(self, *messages: Message) -> list[Event]:
        """Let the caller say something, allowed or not, and return what the called one makes of it."""
        payload = b"".join(message.encode() for message in messages)
        return self.say_bytes(payload)

    def say_bytes(self, payload: bytes) -> list[Event]:
        return self.feed(self.called, self.caller._channel.seal(payload))


def opened(machine: Machine, envelope: bytes, by: Machine) -> list[Message]:
    """Return the messages in an envelope of `machine`, as its peer reads them."""
    del machine
    return [m for payload in by._channel.feed(envelope) for m in decode(payload)]


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_a_packet_crosses_whatever_the_pieces_of_the_stream(step: int) -> None:
    data = bytes(range(256)) * 300
    pair = Pair([Info(160, len(data), ONE)], step=step)
    assert [Announced(Info(160, len(data), ONE))] == pair.to_called
    pair.called.request(ONE, 0)
    pair.feed(pair.caller, pair.called.control())
    got = []
    while (wanted := pair.caller.wanted()) is not None:
        piece = data[wanted.offset : wanted.offset + MAX_CHUNK]
        pair.caller.supply(wanted, piece)
        got += pair.feed(pair.called, pair.caller.content())
    assert [Content(ONE, data[:MAX_CHUNK], False), Content(ONE, data[MAX_CHUNK:], True)] == got
    pair.called.confirm(ONE)
    assert [Confirmed(ONE)] == pair.feed(pair.caller, pair.called.control())
    assert 0 == pair.caller.unconfirmed


def test_resuming_sends_only_the_rest() -> None:
    pair = Pair([Info(160, 100, ONE)])
    pair.called.request(ONE, 60)
    pair.feed(pair.caller, pair.called.control())
    wanted = pair.caller.wanted()
    assert wanted == (ONE, 60, 100)
    pair.caller.supply(wanted, b"x" * 40)
    assert [Content(ONE, b"x" * 40, True)] == pair.feed(pair.called, pair.caller.content())


def test_content_of_many_packets_goes_in_one_envelope() -> None:
    pair = Pair([Info(160, 5, ONE), Info(160, 8, TWO)])
    for name in (ONE, TWO):
        pair.called.request(name, 0)
    pair.feed(pair.caller, pair.called.control())
    taken = 0
    for data in (b"x" * 5, b"y" * 8):
        wanted = pair.caller.wanted()
        assert wanted is not None
        taken += pair.caller.supply(wanted, data)
    assert 48 + 8 + 48 + 8 == taken, "the content is filled up to four bytes"
    got = pair.feed(pair.called, pair.caller.content())
    assert [Content(ONE, b"x" * 5, True), Content(TWO, b"y" * 8, True)] == got
    assert b"" == pair.caller.content()


def test_first_payloads_are_of_one_size_whatever_is_in_them() -> None:
    infos = [Info(96, 5, bytes([n]) * 32) for n in range(3)]
    sizes = {
        len(Machine(CallingChannel(ALICE.noiseprv, ALICE.noisepub, BOB.noisepub)).hello(some))
        for some in (infos, [], infos[:1])
    }
    assert 1 == len(sizes)
    assert MAX_PAYLOAD == len(pad(b"")) == len(pad(infos[0].encode()))
    assert 4096 == len(pad(b"", 4096)) == len(pad(infos[0].encode() * 85, 4096))
    assert 8192 == len(pad(infos[0].encode() * 86, 4096))
    assert MAX_PAYLOAD == len(pad(infos[0].encode() * 1360, 4096))


def test_more_offers_than_fit_the_first_payload_follow() -> None:
    infos = [Info(160, 10, n.to_bytes(32)) for n in range(1400)]
    pair = Pair(infos)
    assert 1360 == len(pair.to_called)
    assert 40 == len(pair.feed(pair.called, pair.caller.control()))
    assert b"" == pair.caller.control()


def test_the_more_urgent_packet_is_sent_first() -> None:
    pair = Pair([Info(224, 10, ONE), Info(96, 10, TWO)])
    pair.called.request(ONE, 0)
    pair.called.request(TWO, 0)
    pair.feed(pair.caller, pair.called.control())
    wanted = pair.caller.wanted()
    assert wanted is not None
    assert TWO == wanted.hash


def test_a_request_asked_twice_is_served_once() -> None:
    """Two transfers of one packet crash real receivers."""
    pair = Pair(called=[Info(160, 10, ONE)])
    pair.say(Freq(ONE, 0), Freq(ONE, 4))
    wanted = pair.called.wanted()
    assert wanted == (ONE, 4, 10)
    pair.called.supply(wanted, b"x" * 6)
    assert pair.called.wanted() is None


def test_a_request_beyond_the_end_is_passed_over_and_others_are_served() -> None:
    pair = Pair(called=[Info(160, 10, ONE), Info(160, 10, TWO)])
    pair.say(Freq(ONE, 11), Freq(TWO, 0))
    assert (TWO, 0, 10) == pair.called.wanted()
    assert 1 == pair.called.passed_over


def test_a_request_at_the_end_gets_one_empty_piece() -> None:
    pair = Pair(called=[Info(160, 10, ONE)])
    pair.say(Freq(ONE, 10))
    wanted = pair.called.wanted()
    assert wanted is not None
    pair.called.supply(wanted, b"")
    assert [File(ONE, 10, b"")] == opened(pair.called, pair.called.content(), pair.caller)
    assert pair.called.wanted() is None


def test_halt_forgets_what_was_asked() -> None:
    pair = Pair(called=[Info(160, 10, ONE)])
    pair.say(Freq(ONE, 0), Halt())
    assert pair.called.wanted() is None


def test_unknown_packets_are_neither_sent_nor_dropped() -> None:
    pair = Pair(called=[Info(160, 10, ONE)])
    assert [] == pair.say(Freq(TWO, 0), Done(TWO), Ping())
    assert pair.called.wanted() is None
    assert 1 == pair.called.unconfirmed


def test_niceness_bounds_what_is_heard_and_offered() -> None:
    pair = Pair([Info(160, 10, ONE), Info(96, 10, TWO)])
    pair.called.limit(96)
    pair.called.offer([Info(97, 10, ONE)])
    assert 0 == pair.called.unconfirmed
    assert [Announced(Info(96, 10, bytes(32)))] == pair.say(
        Info(97, 10, bytes([3]) * 32), Info(96, 10, bytes(32))
    )


def test_what_only_sends_passes_announcements_over() -> None:
    assert [] == Pair(called=[Info(160, 10, ONE)], receive=False).to_caller


def asking(pair: Pair) -> Pair:
    """Let the called one want the ten bytes of ONE."""
    pair.say(Info(160, 10, ONE))
    pair.called.request(ONE, 0)
    pair.feed(pair.caller, pair.called.control())
    return pair


def completed(pair: Pair) -> Pair:
    asking(pair).say(File(ONE, 0, bytes(10)))
    return pair


def confirmed(pair: Pair) -> Pair:
    completed(pair).called.confirm(ONE)
    return pair


def fresh(pair: Pair) -> Pair:
    return pair


MISDEEDS: list[tuple[str, Callable[[Pair], Pair], bytes]] = [
    ("size 0", fresh, Info(160, 0, ONE).encode()),
    ("niceness 256", fresh, Info(256, 1, ONE).encode()),
    ("content of nothing", fresh, File(TWO, 0, b"x").encode()),
    ("content not asked for", asking, File(TWO, 0, b"x").encode()),
    ("a gap", asking, File(ONE, 4, b"xxxx").encode()),
    ("beyond the end", asking, File(ONE, 0, bytes(11)).encode()),
    ("a huge offset", asking, File(ONE, 2**64 - 1, b"x").encode()),
    ("empty content", asking, File(ONE, 0, b"").encode()),
    ("content again", asking, (File(ONE, 0, b"xxxx").encode()) * 2),
    ("content once complete", completed, File(ONE, 10, b"").encode()),
    ("content once confirmed", confirmed, File(ONE, 0, bytes(10)).encode()),
    ("an unknown type", fresh, bytes([0, 0, 0, 6])),
    ("a large type", fresh, b"\xff" * 4),
    ("half a type", fresh, b"\0\0"),
    ("half an Info", fresh, Info(160, 1, ONE).encode()[:-1]),
    ("half a Freq", fresh, Freq(ONE, 1).encode()[:-1]),
    ("half a Done", fresh, Done(ONE).encode()[:-1]),
    ("half a File", asking, File(ONE, 0, bytes(8)).encode()[:-1]),
    ("a File that claims 4 GiB", asking, File(ONE, 0, bytes(8)).encode()[:44] + b"\xff" * 4),
]


@pytest.mark.parametrize(("prepare", "payload"), [m[1:] for m in MISDEEDS], ids=[m[0] for m in MISDEEDS])
def test_what_is_not_allowed_is_a_breach(prepare: Callable[[Pair], Pair], payload: bytes) -> None:
    pair = prepare(Pair())
    with pytest.raises(Breach):
        pair.say_bytes(payload)


def test_a_packet_may_be_requested_anew_after_it_turned_out_bad() -> None:
    pair = completed(Pair())
    pair.called.request(ONE, 0)
    assert [Content(ONE, bytes(10), True)] == pair.say(File(ONE, 0, bytes(10)))


@pytest.mark.parametrize("stream", [b"GET / HTTP/1.1", MAGIC[:-1] + b"\2", MAGIC + b"\0\1\0\0"])
def test_what_is_no_envelope_is_a_breach(stream: bytes) -> None:
    with pytest.raises(Breach):
        list(Pair().called.feed(stream))


def test_an_envelope_that_does_not_open_ends_the_session() -> None:
    with pytest.raises(NoiseError):
        list(Pair().called.feed(wrap(bytes(100))))


def test_a_first_payload_that_does_more_than_announce_is_a_breach() -> None:
    """It may be a replay of an earlier one: nothing may be acted on."""
    for message in (Done(ONE), Freq(ONE, 0), File(ONE, 0, b"x")):
        called = Machine(AnsweringChannel(BOB.noiseprv, BOB.noisepub))
        hello = Initiator(ALICE.noiseprv, ALICE.noisepub, BOB.noisepub).hello(message.encode())
        assert [Called(ALICE.noisepub)] == list(called.feed(wrap(hello)))
        with pytest.raises(Breach):
            list(called.answer([Info(160, 10, ONE)])[1])


def test_a_caller_that_goes_on_before_it_is_answered_is_a_breach() -> None:
    caller = Machine(CallingChannel(ALICE.noiseprv, ALICE.noisepub, BOB.noisepub))
    hello = caller.hello()
    with pytest.raises(Breach):
        list(Machine(AnsweringChannel(BOB.noiseprv, BOB.noisepub)).feed(hello + hello))


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(min_value=1, max_value=700))
def test_envelopes_come_out_as_they_went_in(messages: list[bytes], step: int) -> None:
    stream = b"".join(map(wrap, messages))
    unwrapper = Unwrapper()
    got = [m for at in range(0, len(stream), step) for m in unwrapper.feed(stream[at : at + step])]
    assert messages == got
    assert not unwrapper.inside


HASHES = st.binary(min_size=32, max_size=32)
U64 = st.integers(min_value=0, max_value=2**64 - 1)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Info, st.integers(min_value=0, max_value=255), U64.filter(bool), HASHES),
    st.builds(Freq, HASHES, U64),
    st.builds(File, HASHES, U64, st.binary(max_size=40)),
    st.builds(Done, HASHES),
    st.just(Halt()),
    st.just(Ping()),
)


@given(st.lists(MESSAGES, max_size=10))
def test_messages_are_read_as_they_were_written(messages: list[Message]) -> None:
    assert messages == list(decode(b"".join(message.encode() for message in messages)))


@given(st.binary(max_size=200))
def test_whatever_comes_is_messages_or_a_breach(payload: bytes) -> None:
    try:
        messages = list(decode(payload))
    except Breach:
        return
    assert all(isinstance(m, (Info, Freq, File, Done, Halt, Ping)) for m in messages)
