"""The Postfix plugin keeps the contracts of the plugin boundary."""

from __future__ import annotations

from gateway_postfix.egress import PostfixEgress
from gateway_postfix.ingress import PostfixIngress

from gateway.testing import IngressContract, Input, ProgramEgressContract

ONE = b"Received: by a.example\nSubject: x\n\n..\n.\n"


class TestIngress(IngressContract):
    ingress = PostfixIngress(("sendmail",))
    whole = (
        Input(ONE, ("--sender", "joe@a.example", "--", "x@b.example", '"q r"@b.example')),
        Input(b"Return-Path: <joe@a.example>\n" + ONE, ("x@b.example",)),
        Input(b"From joe@a.example  Sun Nov 22 13:05:03 2026\n" + ONE, ("x@b.example",)),
        Input(ONE, ("x@b.example",)),
    )
    malformed = (
        Input(ONE, ("--sender", "joe@@a.example", "--", "x@b.example")),
        Input(ONE, ("--sender", "", "--", "x y@b.example")),
        Input(ONE, ("b.example",)),
        Input(b"Return-Path: <joe@>\n" + ONE, ("x@b.example",)),
    )
    truncated = (
        Input(b"", ("--sender", "joe@a.example", "--", "x@b.example")),
        Input(b"From joe@a.example  Sun", ("x@b.example",)),
        Input(b"Return-Path: <joe@a.example>\n", ("x@b.example",)),
    )

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        return Input(message, ("--sender", sender, "--", *recipients))


class TestEgress(ProgramEgressContract):
    egress = PostfixEgress(("sendmail",))
