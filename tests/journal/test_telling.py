"""An event in words: what the tones know."""

from __future__ import annotations

from gateway.journal.telling import TONES
from gateway.mta import EventKind


def test_every_tone_is_that_of_an_event_and_what_waits_for_somebody_is_never_good() -> None:
    assert set() == set(TONES) - {kind.value for kind in EventKind}
    troubles = {
        kind.value: TONES[kind.value] for kind in (EventKind.HELD, EventKind.DEFERRED, EventKind.DELAYED)
    }
    assert {"held": "bad", "deferred": "warn", "delayed": "warn"} == troubles
