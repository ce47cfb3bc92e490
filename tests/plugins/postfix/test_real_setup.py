"""``gateway postfix setup --write`` and ``check`` with a real Postfix, and mail through the result."""

from __future__ import annotations

import json
import os
import pwd

import pytest

from tests.plugins.postfix.journey import Journey, MakePostfix
from tests.real.postfix import ACCOUNT, Postfix
from tests.real.programs import Finished, gateway_script, run_gateway

pytestmark = pytest.mark.postfix

ADDRESS = "x@b.example"


def tools(postfix: Postfix) -> list[str]:
    return [
        "--postconf",
        str(postfix.prefix / "bin/postconf"),
        "--postfix-config",
        f"{postfix.directory}/etc",
    ]


def setup(postfix: Postfix, *words: str) -> Finished:
    common = ("--user", ACCOUNT, "--command", gateway_script())
    done = run_gateway("postfix", "setup", *tools(postfix), *common, *words)
    postfix.cool()
    return done


def check(postfix: Postfix, address: str = ADDRESS, *words: str) -> dict[str, tuple[bool, str, str]]:
    """Return the findings by subject; the exit status must agree with them."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    program = ("--sendmail", str(postfix.prefix / "bin/sendmail"), "--user", "root" if me == "root" else me)
    done = run_gateway("postfix", "check", *tools(postfix), *program, *words, "--json", address)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.status == (0 if all(one["ok"] for one in found) else 1), done
    # Nothing is set-group-id in the tests, which matters to an ordinary user.
    return {
        one["subject"]: (one["ok"], one["text"], one["mend"]) for one in found if one["subject"] != "postdrop"
    }


def wrong(found: dict[str, tuple[bool, str, str]]) -> dict[str, str]:
    return {subject: mend for subject, (ok, _, mend) in found.items() if not ok}


@pytest.fixture
def written(make_postfix: MakePostfix) -> Postfix:
    """A Postfix set up by --write."""
    postfix = make_postfix("a.example")
    done = setup(postfix, "--write", "--route", "b.example=bob", "--node", "hub")
    assert 0 == done.status, done
    return postfix


def test_what_is_written_is_what_check_wants(written: Postfix) -> None:
    assert {} == wrong(check(written))
    assert "gateway:bob" in check(written)["route"][1]
    assert "gateway:hub (default_transport)" in check(written, "x@elsewhere.example")["route"][1]


def test_writing_twice_changes_nothing(written: Postfix) -> None:
    etc = written.directory / "etc"
    before = {path.name: path.read_text() for path in etc.iterdir()}
    done = setup(written, "--write", "--route", "b.example=bob", "--node", "hub")
    assert 0 == done.status, done
    assert before == {path.name: path.read_text() for path in etc.iterdir()}


def test_what_somebody_changed_is_not_written_over(written: Postfix) -> None:
    words = ("--write", "--route", "c.example=carol", "--node", "hub")
    done = setup(written, *words)
    assert 0 != done.status
    assert "--force replaces" in done.messages[0]
    assert 0 == setup(written, *words, "--force").status
    assert "gateway:carol" in check(written, "x@c.example")["route"][1]


def test_write_needs_a_directory() -> None:
    done = run_gateway("postfix", "setup", "--node", "hub", "--write")
    assert 2 == done.status
    assert "--postfix-config" in done.messages[0]


def test_present_routes_stay(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("a.example", "transport_maps = inline:{ c.example=smtp:c }\n")
    assert 0 == setup(postfix, "--write", "--route", "b.example=bob").status
    assert {} == wrong(check(postfix))
    assert "smtp:c" in check(postfix, "x@c.example")["route"][1]


def test_printing_changes_nothing_and_shows_the_same(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("a.example")
    before = (
        (postfix.directory / "etc/main.cf").read_text(),
        (postfix.directory / "etc/master.cf").read_text(),
    )
    done = setup(postfix, "--route", "b.example=bob")
    assert 0 == done.status
    text = done.stdout.decode()
    assert "gateway_time_limit = 600s" in text
    assert "--sender ${sender} -- ${recipient}" in text
    after = (postfix.directory / "etc/main.cf").read_text(), (postfix.directory / "etc/master.cf").read_text()
    assert before == after
    assert not (postfix.directory / "etc/gateway_transport").exists()


@pytest.mark.parametrize(
    ("parameter", "subject"),
    [
        ("gateway_time_limit=300s", "time limit"),
        ("gateway_time_limit=9m", "time limit"),
        ("gateway_destination_recipient_limit=1", "recipient limit"),
        ("authorized_submit_users=somebody", "submission"),
        ("transport_maps=", "route"),
        ("mydestination=b.example", ""),
    ],
)
def test_a_parameter_that_is_wrong_is_found(written: Postfix, parameter: str, subject: str) -> None:
    assert 0 == written.run("postconf", "-e", parameter).status
    if parameter == "transport_maps=":
        assert 0 == written.run("postconf", "-e", "default_transport=smtp").status
    found = wrong(check(written))
    assert ([subject] if subject else []) == list(found)


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("flags=q", "flags=qhu", "flags"),
        (" --sender ${sender}", "", "sender"),
        (gateway_script(), "/nonexistent/gateway", "command"),
        (f"user={ACCOUNT}", "user=nobody-such", "user"),
        (f"user={ACCOUNT}", "user=root", "user"),
    ],
)
def test_a_service_that_is_wrong_is_found(written: Postfix, old: str, new: str, subject: str) -> None:
    entry = " ".join(written.run("postconf", "-M", "gateway/unix").stdout.decode().split())
    assert old in entry
    assert 0 == written.run("postconf", "-M", f"gateway/unix={entry.replace(old, new)}").status
    assert [subject] == list(wrong(check(written)))


def test_the_mending_line_mends(written: Postfix) -> None:
    assert 0 == written.run("postconf", "-e", "gateway_time_limit=300s").status
    mend = wrong(check(written))["time limit"]
    assert 0 == written.run("postconf", "-e", mend).status
    assert {} == wrong(check(written))


def test_a_broken_configuration_is_one_finding(written: Postfix) -> None:
    with (written.directory / "etc/main.cf").open("a") as file:
        file.write("transport_maps = nosuchtype:/x\n")
    found = wrong(check(written))
    assert ["configuration"] == list(found)


def test_a_missing_postfix_is_said() -> None:
    done = run_gateway("postfix", "check", "--postconf", "/nonexistent/postconf", ADDRESS)
    assert done.status != 0
    assert "/nonexistent/postconf" in done.messages[0]


def test_mail_goes_through_what_was_written(make_postfix: MakePostfix) -> None:
    """From the Internet, for a relay domain; and from the LAN, for everything else."""
    one = Journey(make_postfix, "submit", "")
    one.a.stop()
    assert 0 == one.a.run("postconf", "-e", "transport_maps=").status
    config = ("--config", str(one.alice.toml))
    done = setup(one.a, "--write", "--force", *config, "--route", "b.example=bob", "--node", "bob")
    assert 0 == done.status, done
    assert {} == wrong(check(one.a))
    one.a.start()
    one.send("joe@a.example", ["x@b.example"])
    one.send("joe@a.example", ["x@elsewhere.example"])
    one.sent(2)
