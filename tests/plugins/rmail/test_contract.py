"""The rmail plugin keeps the contracts of the plugin boundary."""

from __future__ import annotations

from gateway_rmail.egress import RmailEgress
from gateway_rmail.ingress import HANDLES, RmailIngress
from gateway_rmail.options import Options

from gateway import Recipient, ReversePath, from_line
from gateway.testing import IngressContract, Input, ProgramEgressContract

LINE = b"From joe@a.example Thu Jan  1 00:00:00 2026 remote from alpha\n"
ONE = b"Subject: x\n\n.\nFrom here\n"


class TestIngress(IngressContract):
    ingress = RmailIngress(HANDLES, "here")
    whole = (
        Input(LINE + ONE, ("x@b.example",)),
        Input(LINE + b">" + LINE + ONE, ("a!b!x", "(y%b.example)", '"q r"@b.example')),
        Input(b"From MAILER-DAEMON D\n\n", ("x@b.example",)),
    )
    malformed = (
        Input(ONE, ("x@b.example",)),
        Input(LINE + ONE, ("x",)),
        Input(LINE + ONE, ("-oQ/tmp",)),
        Input(b"From a\x01@b D\n" + ONE, ("x@b.example",)),
    )
    truncated = (
        Input(b"", ("x@b.example",)),
        Input(LINE[:-1], ("x@b.example",)),
        Input(LINE, ("x@b.example",)),
    )

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        line = from_line(ReversePath(sender), date="Thu Jan  1 00:00:00 2026", node="alpha")
        return Input(line + message, recipients)


class TestEgress(ProgramEgressContract):
    egress = RmailEgress(Options())


class TestEgressInBangPaths(ProgramEgressContract):
    egress = RmailEgress(Options(addresses="bang"))

    def names(self, recipient: Recipient) -> bytes:
        return f"{recipient.domain}!{recipient.local}".encode()


class TestEgressWithARealRmail(ProgramEgressContract):
    egress = RmailEgress(Options(real=True))
