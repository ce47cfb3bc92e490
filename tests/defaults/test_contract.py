"""The core's own plugins keep the contracts of everybody's."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.defaults.command_egress import CommandEgress
from gateway.defaults.maildir_egress import MaildirEgress
from gateway.mail.envelope import Recipient
from gateway.testing import EgressContract, Mood, ProgramEgressContract


class TestCommand(ProgramEgressContract):
    egress = CommandEgress()

    def names(self, recipient: Recipient) -> bytes:
        return b""  # whom it is for, the body says, or the arguments that the handle lets through


class TestMaildir(EgressContract):
    egress = MaildirEgress()
    moods = ("takes", "gone")

    def bring(self, mood: Mood) -> Mapping[str, object]:
        return {"options": {"path": str(self.folder / ("Maildir" if mood == "takes" else "not/there"))}}

    def kept(self) -> list[bytes]:
        return [file.read_bytes() for file in self.folder.glob("Maildir/new/*")]
