"""What ``gateway rmail check`` finds behind the handles."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_rmail.check import Finding, findings, what_it_does

from gateway.config import load
from tests.plugins.rmail.material import script
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node
from tests.real.programs import Finished

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def node(tmp_path: Path) -> Callable[..., Node]:
    def make(toml: str, head: str = "", tail: str = "") -> Node:
        bob, alice = Node(tmp_path / "bob", "bob"), Node(tmp_path / "alice", "alice")
        bob.head, bob.tail = head, tail
        bob.know(alice, toml=toml)
        return bob

    return make


def look(node: Node, user: str | None = None) -> list[Finding]:
    return list(findings(load(str(node.toml)), user))


def table(command: str | Path, more: str = "") -> str:
    return f'exec.rmail = {{ egress = "rmail", command = ["{command}"]{more} }}'


def test_nothing_to_receive_is_said_and_well(node: Callable[..., Node]) -> None:
    (found,) = look(node('exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]'))
    assert (True, "handles") == (found.ok, found.subject)


def test_a_sendmail_that_is_there_is_well(node: Callable[..., Node], tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", "exit 75")
    found = look(node(table(program)))
    assert [(True, "handle"), (True, "sendmail")] == [(one.ok, one.subject) for one in found]
    assert str(program) in found[0].text
    assert "not Exim" in found[1].text


def test_a_sendmail_that_is_not_there_is_found(node: Callable[..., Node], tmp_path: Path) -> None:
    found = look(node(table(tmp_path / "none")))
    assert [(True, "handle"), (False, "sendmail")] == [(one.ok, one.subject) for one in found]


def test_an_rmail_stands_for_the_plugins_sendmail(node: Callable[..., Node], tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", "exit 75")
    handle, sendmail = look(node(table("/usr/bin/rmail"), tail=f'[plugin.rmail]\nsendmail = ["{program}"]'))
    assert handle.ok
    assert handle.text.endswith(f"calls {program}, in the place of /usr/bin/rmail")
    assert sendmail.ok


@pytest.mark.parametrize("toml", ['exec.rmail = ["{rmail}"]', 'exec.mail = ["{rmail}"]', "{real}"])
def test_a_real_rmail_is_found(
    node: Callable[..., Node], tmp_path: Path, real_rmail: Path, toml: str
) -> None:
    link = tmp_path / "rmail"
    link.symlink_to(real_rmail)
    (found,) = look(node(toml.format(rmail=link, real=table(link, ", real = true"))))
    assert (False, "handle") == (found.ok, found.subject)
    assert "the mail is lost" in found.text
    assert ' = { egress = "rmail"' in found.mend


def test_an_rmail_that_is_exim_is_told_apart(tmp_path: Path) -> None:
    exim = script(tmp_path / "exim4", "exit 0")
    (tmp_path / "rmail").symlink_to(exim)
    assert "is Exim" in what_it_does(str(tmp_path / "rmail"))
    assert "cannot be run" in what_it_does(str(tmp_path / "none"))
    assert "may end in 0" in what_it_does(str(script(tmp_path / "other", "exit 0")))


def test_mistakes_of_the_configuration_are_told(node: Callable[..., Node], tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", "exit 75")
    (found,) = look(node(table(program, ', adresses = "bang"')))
    assert not found.ok
    assert "adresses: unknown key" in found.text


def test_mistakes_of_the_plugins_table_are_told(node: Callable[..., Node]) -> None:
    (found,) = look(node("", tail="[plugin.rmail]\nreal = 1"))
    assert not found.ok
    assert "plugin.rmail: real" in found.text


@pytest.mark.exim
@pytest.mark.parametrize(
    ("main", "user", "ok"),
    [
        ("trusted_users = news\n", "news", True),
        ("trusted_groups = news\n", "news", True),
        ("trusted_users = mail\n", "news", False),
        ("", "news", False),
        ("", "root", True),
        ("", "no-such-user", False),
    ],
)
def test_exim_is_asked_whom_it_trusts(
    node: Callable[..., Node], make_exim: Callable[..., Exim], main: str, user: str, ok: bool
) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main)
    found = look(node(table(exim.sendmail())), user)
    assert ["handle", "sendmail", "trust"] == [one.subject for one in found]
    assert "Exim version" in found[1].text
    assert [True, True, ok] == [one.ok for one in found]
    if not ok and user == "news":
        assert found[2].mend == "trusted_users = " + ("mail : news" if main else "news")


def test_the_command_prints_and_ends_by_what_it_found(node: Callable[..., Node], tmp_path: Path) -> None:
    one = node(table(script(tmp_path / "sendmail", "exit 75")))

    def check(*words: str) -> Finished:
        return one.gateway("rmail", "check", *words)

    done = check()
    assert (0, 2) == (done.status, done.stdout.decode().count("ok ")), done
    (tmp_path / "sendmail").unlink()
    done = check("--json", "--user", ME)
    assert 1 == done.status, done
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [True, False] == [record["ok"] for record in records]
    assert {"ok", "subject", "text", "mend"} == set(records[0])
