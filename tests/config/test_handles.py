from __future__ import annotations

import pytest

from gateway.config.handles import from_nncp, from_toml
from gateway.config.mistakes import Mistakes
from gateway.config.model import Handle


def ours(name: str, value: object) -> Handle:
    mistakes = Mistakes("file")
    handle = from_toml(name, value, mistakes, "key")
    assert [] == mistakes.lines()
    assert handle is not None
    return handle


@pytest.mark.parametrize(
    ("name", "command", "egress", "form"),
    [
        ("rsmtp", ("/usr/sbin/sendmail", "-bS"), "exim", "bsmtp"),
        ("rsmtp", ("/usr/sbin/exim4", "-oee", "-bS"), "exim", "bsmtp"),
        ("rsmtp", ("exim", "-bS"), "exim", "bsmtp"),
        ("rsmtp", ("/usr/sbin/sendmail", "-bS", "-t"), "command", "raw"),
        ("rsmtp", ("/usr/sbin/sendmail",), "command", "raw"),
        ("rsmtp", ("/usr/local/bin/wrapper", "-bS"), "command", "raw"),
        ("rsmtp", ("/bin/sh", "-c", "sendmail -bS"), "command", "raw"),
        ("other", ("/usr/sbin/sendmail", "-bS"), "command", "raw"),
        ("sendmail", ("/usr/sbin/sendmail",), "postfix", "sendmail"),
        ("sendmail", ("/usr/sbin/exim4", "-oi", "-odq"), "postfix", "sendmail"),
        ("sendmail", ("/usr/sbin/sendmail", "-f", "nobody@a.example"), "command", "raw"),
        ("sendmail", ("/usr/sbin/sendmail", "root@a.example"), "command", "raw"),
        ("sendmail", ("/usr/sbin/sendmail", "-bs"), "command", "raw"),
        ("sendmail", ("/usr/sbin/sendmail", "-C", "/etc/other"), "command", "raw"),
        ("sendmail", ("/usr/local/bin/wrapper",), "command", "raw"),
        ("other", ("/usr/sbin/sendmail",), "command", "raw"),
        ("sendmail", ("/usr/sbin/sendmail", "-t"), "command", "raw"),
        ("rmail", ("/usr/bin/rmail",), "rmail", "rmail"),
        ("rmail", ("/usr/sbin/rmail",), "rmail", "rmail"),
        ("rmail", ("/usr/local/bin/rmail",), "command", "raw"),
        ("rmail", ("/usr/bin/rmail", "-D", "x.example"), "command", "raw"),
        ("rmail", ("/usr/sbin/sendmail",), "command", "raw"),
        ("other", ("/usr/bin/rmail",), "command", "raw"),
    ],
)
def test_a_command_of_nncps_is_replaced_only_where_that_is_safe(
    name: str, command: tuple[str, ...], egress: str, form: str
) -> None:
    handle = from_nncp(name, command)
    assert handle is not None
    assert (egress, command, form, "any") == (handle.egress, handle.command, handle.form, handle.arguments)


def test_an_empty_list_is_no_handle_to_nncp() -> None:
    assert from_nncp("x", ()) is None


@pytest.mark.parametrize(
    ("name", "form", "arguments"),
    [
        ("rsmtp", "bsmtp", "none"),
        ("rmail", "rmail", "recipients"),
        ("sendmail", "sendmail", "recipients"),
        ("other", "raw", "none"),
    ],
)
def test_the_name_of_a_handle_gives_its_form(name: str, form: str, arguments: str) -> None:
    handle = ours(name, ["/bin/program", "-x"])
    assert Handle(name, "command", ("/bin/program", "-x"), form, arguments) == handle  # type: ignore[arg-type]


def test_a_bare_batch_command_is_exims_in_our_dialect_too() -> None:
    assert "exim" == ours("rsmtp", ["/usr/sbin/sendmail", "-bS"]).egress


def test_a_bare_rmail_does_not_hide_that_it_failed_in_our_dialect_too() -> None:
    assert Handle("rmail", "rmail", ("/usr/bin/rmail",), "rmail", "recipients") == ours(
        "rmail", ["/usr/bin/rmail"]
    )
    explicit = {"command": ["/usr/bin/rmail"]}
    assert Handle("rmail", "command", ("/usr/bin/rmail",), "rmail", "recipients") == ours("rmail", explicit)


def test_a_bare_sendmail_gets_its_sender_in_our_dialect_too() -> None:
    handle = ours("sendmail", ["/usr/sbin/sendmail"])
    assert Handle("sendmail", "postfix", ("/usr/sbin/sendmail",), "sendmail", "recipients") == handle


def test_an_explicit_egress_wins() -> None:
    handle = ours("rsmtp", {"egress": "command", "command": ["/usr/sbin/sendmail", "-bS"]})
    assert ("command", "bsmtp") == (handle.egress, handle.form)


def test_a_form_brings_its_arguments() -> None:
    handle = ours("old", {"command": ["/usr/sbin/sendmail"], "form": "sendmail"})
    assert ("command", "sendmail", "recipients") == (handle.egress, handle.form, handle.arguments)


def test_what_the_core_does_not_know_is_for_the_egress() -> None:
    handle = ours("in", {"egress": "maildir", "path": "/m", "timeout": "5m", "mode": {"new": 1}})
    assert ("maildir", 300.0) == (handle.egress, handle.timeout)
    assert {"path": "/m", "mode": {"new": 1}} == handle.options


def test_an_egress_of_a_stranger_needs_nothing_of_ours() -> None:
    assert Handle("coo", "loft", options={"pigeons": 3}) == ours("coo", {"egress": "loft", "pigeons": 3})


def test_smtp_goes_to_an_address_or_to_a_program() -> None:
    way = {"egress": "smtp", "address": "127.0.0.1:24", "protocol": "lmtp"}
    handle = ours("rsmtp", way)
    assert ("smtp", (), "bsmtp") == (handle.egress, handle.command, handle.form)
    assert {"address": "127.0.0.1:24", "protocol": "lmtp"} == handle.options
    command = ["/usr/sbin/sendmail", "-bs"]
    assert tuple(command) == ours("rsmtp", {"egress": "smtp", "command": command}).command


@pytest.mark.parametrize("more", [{}, {"address": "h:25", "command": ["/usr/sbin/sendmail", "-bs"]}])
def test_smtp_needs_one_of_both(more: dict[str, object]) -> None:
    mistakes = Mistakes("file")
    assert from_toml("rsmtp", {"egress": "smtp", **more}, mistakes, "key") is None
    assert ["file: key.address: the egress smtp needs either an address or a command"] == mistakes.lines()
