"""The journal: what an event costs its writer, how long an index takes, and a search in it.

Run: ``python -m tests.bench.journal [EVENTS]``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

from gateway.config.model import Config
from gateway.defaults.journal import gateway_event
from gateway.journal.index import Index
from gateway.journal.place import place_of
from gateway.mta import Event, EventKind


def cpu(what: str, work: Callable[[], object], count: int = 1) -> None:
    """Print the processor time [ms] of some work."""
    begin = time.process_time()
    work()
    spent = time.process_time() - begin
    print(f"{what:40} {1000 * spent:10.1f} ms", f"{1e6 * spent / count:10.1f} us each" if count > 1 else "")


def main(count: int) -> None:
    """Measure with that many events."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config("bench.toml", "toml", folder, None, {})

        def note() -> None:
            for number in range(count):
                name = f"{number:052}"
                message = {
                    "from": f"user{number % 1000}@a.example",
                    "to": [f"friend{number}@b.example"],
                    "id": f"<{number}.{os.getpid()}@a.example>",
                    "queue": f"1u{number:08}-0000Ab",
                }
                detail = {"type": "exec", "handle": "rsmtp", "layers": (name,), "messages": [message]}
                gateway_event(Event(EventKind.SUBMITTED, name, "bob", 96, 1000, "", detail), config)

        cpu(f"{count} events written", note, count)
        with Index(place_of(config), say=print) as index:
            cpu("index made", index.refresh, count)
            cpu("index looked at again", index.refresh)
            for word in ("friend77@b.example", f"{77:052}"[:45], "user77@a.example", "d77@b.exam"):
                cpu(f"search {word}", lambda word=word: index.search(word))
        files = sorted(os.scandir(f"{folder}/journal"), key=lambda entry: entry.name)
        print(", ".join(f"{entry.name} {entry.stat().st_size // 1024} KiB" for entry in files))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
