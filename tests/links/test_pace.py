"""The size of pieces: large where they pass quickly, small where they take long."""

from __future__ import annotations

from gateway.links.session.pace import SMALLEST, Pace
from gateway.links.sync.messages import MAX_CHUNK


def over(rate: float, seconds: float = 300) -> Pace:
    """Send as much as fits over a link of so many bytes a second, some of it always under way."""
    pace, waiting, now = Pace(), 0.0, 0.0
    while now < seconds:
        while waiting < 2 * pace.chunk:
            pace.sent(pace.chunk, now)
            waiting += pace.chunk
        now += 0.1
        waiting = max(0.0, waiting - rate * 0.1)
        pace.waiting(int(waiting), now)
    return pace


def test_on_a_fast_link_pieces_grow_to_the_largest() -> None:
    assert MAX_CHUNK == over(10**7, 10).chunk


def test_on_a_slow_link_every_piece_takes_a_few_seconds_at_most() -> None:
    for rate in (600, 1200, 5000, 20_000):
        assert over(rate).chunk / rate <= 6


def test_pieces_never_vanish() -> None:
    assert SMALLEST == over(100, 20_000).chunk


def test_a_configured_bound_is_kept() -> None:
    pace = Pace(1000)
    for now in range(100):
        pace.sent(1000, now)
        pace.waiting(0, now + 0.01)
    assert 1000 == pace.chunk


def test_a_slow_handshake_bounds_the_pieces_though_buffers_swallow_them() -> None:
    pace = Pace()
    pace.handshake(44.0)
    for _ in range(20):
        pace.sent(10_000, 0.0)
        pace.waiting(0, 0.01)
    assert 2048 < pace.chunk <= 65280 * 4 / 44
    pace.handshake(1e6)
    assert 2048 == pace.chunk


def test_a_usual_handshake_bounds_nothing() -> None:
    pace = Pace()
    pace.handshake(9.0)
    for _ in range(20):
        pace.sent(10_000, 0.0)
        pace.waiting(0, 0.01)
    assert 60_000 < pace.chunk
