"""Many small packets at one node, to be tossed into a real MTA by the real command."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.config import load
from gateway.engine.draft import Order
from gateway.engine.ground import open_spool
from gateway.engine.submit import Submitter
from gateway.registry import Registry
from tests.real.nodes import Node
from tests.real.programs import Finished, gateway_script

TEXT = b"From: joe@a.example\nSubject: one\n\nhello\n"


class Crowd:
    """`count` packets from alice to bob, one message each, to ``rN@b.example`` or who `others` says."""

    def __init__(
        self, folder: Path, handle: str, count: int, others: Mapping[int, str] | None = None, head: str = ""
    ) -> None:
        self.alice, self.bob = Node(folder / "alice", "alice"), Node(folder / "bob", "bob")
        self.bob.head = head
        self.bob.tail = '[retry]\nschedule = ["1s"]'
        self.alice.know(self.bob)
        self.bob.know(self.alice, toml=f"exec.rsmtp = {{ {handle} }}")
        self.recipients = {i: (others or {}).get(i, f"r{i}@b.example") for i in range(count)}
        config = load(str(self.alice.toml))
        registry = Registry(config, report=print)
        submitter, raw = Submitter(config, open_spool(config), registry), registry.ingress("raw")
        self.names: dict[str, str] = {}
        """Whom each packet is for."""
        rx = self.bob.spool / self.alice.keys.id / "rx"
        rx.mkdir(parents=True)
        for number, recipient in self.recipients.items():
            batch = b"MAIL FROM:<joe@a.example>\nRCPT TO:<%b>\nDATA\n%b.\n" % (recipient.encode(), TEXT)
            order = Order(niceness=1 + number * 254 // count)
            (draft,) = submitter.submit(
                raw, (), io.BytesIO(batch), {}, node="bob", handle="rsmtp", order=order
            )
            assert draft.sealed is not None
            self.names[draft.sealed.name] = recipient
            path = self.alice.spool / self.bob.keys.id / "tx" / draft.sealed.name
            shutil.move(path, rx / draft.sealed.name)

    def toss(self, *words: str) -> Finished:
        """Toss once; what is due again must be due by now."""
        time.sleep(1)
        return self.bob.gateway("toss", *words)

    def toss_killed(self, after: int, *words: str) -> set[str]:
        """Kill a toss once so many jobs are done with; return whom those that were under way are for."""
        command = [gateway_script(), "--config", str(self.bob.toml), "toss", *words]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            while len(self.seen()) < after:
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        return {self.names[path.name] for path in self.bob.packets("work")} - self.seen()

    def seen(self) -> set[str]:
        """Return whom those packets are for that are marked as done with."""
        folder = self.bob.spool / self.alice.keys.id / "rx" / "seen"
        return {self.names[path.name] for path in folder.iterdir()} if folder.is_dir() else set()

    def left(self, box: str) -> set[str]:
        """Return whom the packets in a box are for."""
        return {self.names[path.name] for path in self.bob.packets(box)}  # type: ignore[arg-type]
