"""The Exim plugin keeps the contracts of the plugin boundary."""

from __future__ import annotations

from gateway_exim.egress import EximEgress
from gateway_exim.ingress import EximIngress
from gateway_exim.options import Options

from gateway import BatchWriter, Envelope, Message, Recipient, ReversePath
from gateway.testing import IngressContract, Input, ProgramEgressContract

ONE = b"MAIL FROM:<>\nRCPT TO:<x@b.example>\nRCPT TO:<y@b.example>\nDATA\nSubject: x\n\n..\n.\n"


class TestIngress(IngressContract):
    ingress = EximIngress(("rsmtp",))
    whole = (Input(ONE), Input(ONE * 3), Input(ONE.replace(b"\n", b"\r\n")))
    malformed = (Input(b"rubbish\n"), Input(ONE + b"rubbish\n"))
    truncated = (Input(b""), Input(ONE[:-2]), Input(ONE + ONE[:30]))

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        written: list[bytes] = []
        envelope = Envelope(ReversePath(sender), map(Recipient, recipients))
        BatchWriter(written.append).transaction(envelope, Message(message))
        return Input(b"".join(written))


class TestEgressOneByOne(ProgramEgressContract):
    egress = EximEgress(Options(processes=1))
    words = ("-bS",)


class TestEgressAbreast(ProgramEgressContract):
    egress = EximEgress(Options(processes=4))
    words = ("-bS",)


class TestEgressInSessions(ProgramEgressContract):
    egress = EximEgress(Options(session=2, processes=2))
    words = ("-bS",)
