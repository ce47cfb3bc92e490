"""What is written for Postfix, as text; the real one reads it in another module."""

from __future__ import annotations

import tomllib

import pytest
from gateway_postfix.options import plugin_options
from gateway_postfix.service import faults, read_service, service_argv, service_entry
from gateway_postfix.setup import Plan, gateway_lines, next_steps, parameters, serve_lines, table

from gateway import ConfigError, UsageError

GOOD = service_entry("gateway", service_argv("/usr/bin/gateway", None))
PIPE = "gateway unix - n n - - pipe"


def plan(**changes: object) -> Plan:
    values: dict[str, object] = {"user": "gateway", "command": "/usr/bin/gateway", "node": "hub", **changes}
    return Plan(**values)  # type: ignore[arg-type]


def wrong(entry: str) -> list[str]:
    service = read_service(entry)
    assert service is not None
    return [fault.subject for fault in faults(service)]


def test_our_own_service_is_without_fault() -> None:
    assert [] == wrong(GOOD)
    assert [] == wrong(service_entry("gateway", service_argv("/usr/bin/gateway", "/etc/g.toml")))


@pytest.mark.parametrize("macros", ["$nexthop -- $recipient", "$(nexthop) -- $(recipient)"])
def test_macros_are_known_in_every_spelling(macros: str) -> None:
    nexthop, _, recipient = macros.split()
    entry = f"{PIPE} flags=q user=g argv=/g submit postfix --node {nexthop} --sender $sender -- {recipient}"
    assert [] == wrong(entry)


@pytest.mark.parametrize("flags", ["Rq", "Fq", "Rqh", "Fqh"])
def test_nncps_recipes_are_without_fault_but_for_u(flags: str) -> None:
    entry = f"{PIPE} flags={flags} user=g argv=/g exec -quiet $nexthop sendmail $recipient"
    assert [] == wrong(entry)
    assert ["flags"] == wrong(entry.replace(f"flags={flags}", f"flags={flags}u"))


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("flags=q", "flags=", "flags"),
        ("flags=q", "flags=qu", "flags"),
        ("flags=q", "flags=q.", "flags"),
        ("flags=q", "flags=q>", "flags"),
        ("flags=q", "flags=qB", "flags"),
        ("flags=q", "flags=q eol=\\r\\n", "eol"),
        ("unix - n n", "unix - n y", "chroot"),
        (" --sender ${sender}", "", "sender"),
        ("${nexthop}", "hub", "node"),
        (" -- ${recipient}", "", "recipient"),
        (" -- ${recipient}", " ${recipient}", "recipient"),
        ("null_sender=", "null_sender=nobody@a.example", "null_sender"),
    ],
)
def test_each_fault_is_found(old: str, new: str, subject: str) -> None:
    assert [subject] == wrong(GOOD.replace(old, new))


def test_what_is_no_entry_is_none() -> None:
    assert read_service("") is None
    assert read_service("gateway unix") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "a b"},
        {"node": "x;y"},
        {"node": None},
        {"user": "a b"},
        {"command": "gateway"},
        {"command": "/usr/bin/ gateway"},
        {"config": "/etc/g.toml\nx = y"},
        {"routes": (("far.example ", "hub"),)},
        {"routes": (("*", "hub"),)},
        {"routes": (("far.example", "a:b"),)},
    ],
)
def test_what_postfix_would_read_as_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        plan(**changes)


def test_lists_that_are_there_are_kept() -> None:
    routes = (("far.example", "bob"),)
    present = {"transport_maps": "hash:/etc/postfix/transport", "relay_domains": ""}
    values = parameters(plan(routes=routes, node=None), "/etc/postfix", present)
    ours = "texthash:/etc/postfix/gateway_transport"
    assert f"{ours}, hash:/etc/postfix/transport" == values["transport_maps"]
    assert ours == values["relay_domains"]
    assert "default_transport" not in values
    assert values == parameters(plan(routes=routes, node=None), "/etc/postfix", values)


def test_the_table_of_routes() -> None:
    text = table(plan(routes=(("far.example", "bob"), (".far.example", "bob"))))
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    assert [["far.example", "gateway:bob"], [".far.example", "gateway:bob"]] == rows


def test_the_gateways_own_lines() -> None:
    lines = tomllib.loads(gateway_lines(plan(routes=(("far.example", "far.bob"),))))
    handle = {"egress": "postfix", "command": ["/usr/sbin/sendmail"]}
    assert {"far.bob": {"exec": {"rsmtp": handle}}, "hub": {"exec": {"rsmtp": handle}}} == lines["neigh"]


def test_options_are_checked_all_at_once() -> None:
    assert ("sendmail", "post") == plugin_options({"handles": ["sendmail", "post"]}).handles
    with pytest.raises(ConfigError) as failure:
        plugin_options({"handles": ["a b"], "sesion": 1})
    assert 2 == len(failure.value.mistakes)


def test_by_lmtp_the_routes_stand_in_the_gateways_configuration() -> None:
    one = plan(lmtp=True, routes=(("one.example", "a"), (".uucp.example", "b")), socket="/run/x/lmtp.sock")
    routes = {"one.example": "a", "uucp.example": "b", "*": "hub"}
    assert {"serve": {"lmtp": "/run/x/lmtp.sock"}, "routes": routes} == tomllib.loads(serve_lines(one))
    assert "gateway unix - - n - - lmtp" == one.entry
    way = "gateway:unix:/run/x/lmtp.sock"
    assert f".uucp.example       {way}\n" in table(one)
    found = parameters(one, "/etc/postfix", {})
    assert way == found["default_transport"]
    assert "gateway_time_limit" not in found
    assert "install -d -o gateway -g postfix -m 2750 /run/x " in next_steps(one)[0]


def test_a_socket_has_an_absolute_path() -> None:
    with pytest.raises(UsageError):
        plan(lmtp=True, socket="private/lmtp")
