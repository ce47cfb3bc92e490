"""Two sites and the way between them: Postfix A beside alice, whatever takes the mail beside bob."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from gateway_postfix.service import service_argv, service_entry

from tests.real.nodes import Make, Node, carry, toss
from tests.real.postfix import ACCOUNT, Postfix
from tests.real.programs import Finished, gateway_script

Recipe = Literal["submit", "return-path", "from-line"]
RECIPES: tuple[Recipe, ...] = ("submit", "return-path", "from-line")

TEXT = b"From: joe@a.example\nSubject: one\n\n.\n..\n.a\n\xfc\nFrom x\nend\n"
MakePostfix = Callable[..., Postfix]


def service(recipe: Recipe, config: Path, make: Make = "gateway", nncp_exec: str = "") -> str:
    """Return the entry of ``master.cf``: ours as set up, or one of NNCP's with the program changed."""
    script = gateway_script()
    if recipe == "submit":
        return service_entry(ACCOUNT, service_argv(script, str(config)))
    flags = {"return-path": "Rqhu", "from-line": "Fqhu"}[recipe]
    program = f"{script} --config {config} exec" if make == "gateway" else f"{nncp_exec} -cfg {config}"
    return (
        f"gateway unix - n n - - pipe flags={flags} user={ACCOUNT} "
        f"argv={program} -quiet $nexthop sendmail $recipient"
    )


class Journey:
    """alice's Postfix hands to the gateway what is for b.example; bob's table says what takes it."""

    def __init__(
        self, make_postfix: MakePostfix, recipe: Recipe, bob: str, *, alice: str = "", main: str = ""
    ) -> None:
        self.a = make_postfix("a.example", f"transport_maps = inline:{{ b.example=gateway:bob }}\n{main}")
        self.place = self.a.directory
        self.alice, self.bob = Node(self.place / "alice", "alice"), Node(self.place / "bob", "bob")
        self.alice.know(self.bob, toml=alice)
        self.bob.know(self.alice, toml=bob)
        self.serve(service(recipe, self.alice.toml))
        self.a.own(self.alice.directory)
        self.a.start()

    def serve(self, entry: str) -> None:
        """Put the pipe service into Postfix A's ``master.cf``."""
        done = self.a.run("postconf", "-M", f"gateway/unix={entry}")
        assert done.status == 0, done
        self.a.cool()

    def send(self, sender: str, recipients: Sequence[str], text: bytes = TEXT) -> None:
        """Give Postfix A a message by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.a.port, timeout=30) as smtp:
            options = ["SMTPUTF8"] if not "".join([sender, *recipients]).isascii() else []
            wire = text.replace(b"\n", b"\r\n")
            smtp.sendmail(sender, list(recipients), wire, [*options, "BODY=8BITMIME"])

    def sent(self, count: int = 1) -> None:
        """Wait until so many packets are in alice's spool and Postfix has nothing left."""
        done = self.a.wait(lambda: len(self.alice.packets("tx")) >= count and not self.a.queued())
        assert done, self.a.records()[-3000:]

    def travel(self, tosses: Make = "gateway") -> Finished:
        """Carry what alice has to bob, and toss there."""
        carry(self.alice, self.bob, self.place / "medium", tx="gateway", rx=tosses)
        done = toss(self.bob, tosses)
        assert done.status in (0, 1), done
        return done

    def left_over(self) -> list[Path]:
        """Return the packets that are still somewhere at bob's."""
        return self.bob.packets("rx") + self.bob.packets("work") + self.bob.packets("hold")
