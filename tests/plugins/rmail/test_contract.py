"""The rmail plugin keeps the contracts of the plugin boundary."""

from __future__ import annotations

from gateway_rmail.egress import RmailEgress
from gateway_rmail.ingress import HANDLES, RmailIngress
from gateway_rmail.options import Options

from tests.contracts.egress import EgressContract
from tests.contracts.ingress import IngressContract, Input

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


class TestEgress(EgressContract):
    egress = RmailEgress(Options())


class TestEgressInBangPaths(EgressContract):
    egress = RmailEgress(Options(addresses="bang"))


class TestEgressWithARealRmail(EgressContract):
    egress = RmailEgress(Options(real=True))
