"""What a real Postfix makes of each of our failures: kept or bounced, and where our words arrive."""

from __future__ import annotations

import os
import shlex

import pytest

from tests.plugins.postfix.journey import Journey, MakePostfix, service
from tests.real.programs import gateway_script

pytestmark = pytest.mark.postfix

TEXT = b"From: joe@a.example\nSubject: one\n\nhi\n"


def outcome(one: Journey, recipient: str = "x@b.example", sender: str = "joe@a.example") -> str:
    """Send, and return what Postfix logs of the first attempt."""
    one.send(sender, [recipient], TEXT)
    assert one.a.wait(lambda: "status=" in log_of(one, recipient)), one.a.records()[-3000:]
    return log_of(one, recipient)


def log_of(one: Journey, recipient: str) -> str:
    lines = one.a.records().splitlines()
    return next((line for line in lines if f"to=<{recipient}>, relay=gateway" in line), "")


def command(
    one: Journey, *, before: str = "", words: str = "--node ${nexthop} --sender ${sender} -- ${recipient}"
) -> str:
    """Return the recommended entry with another command."""
    entry, _, _ = service("submit", one.alice.toml).partition(" argv=")
    script = f"{before} {gateway_script()} --config {one.alice.toml}".strip()
    return f"{entry} argv={script} submit postfix {words}"


@pytest.fixture
def journey(make_postfix: MakePostfix) -> Journey:
    """A Postfix whose bounces for a.example land in its Maildir."""
    return Journey(make_postfix, "submit", "")


def restart(one: Journey, entry: str) -> None:
    one.a.stop()
    one.serve(entry)
    one.a.start()


def test_a_node_that_is_not_known_keeps_the_mail_and_says_so(journey: Journey) -> None:
    restart(journey, command(journey, words="--node nobody --sender ${sender} -- ${recipient}"))
    line = outcome(journey)
    assert "dsn=4.4.4, status=deferred" in line
    assert "nobody" in line.partition("status=")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--node ${nexthop} --sendr ${sender} -- ${recipient}", "unknown option --sendr"),
        ("--node ${nexthop} --sender ${sender} --", "no recipient"),
        ("--node ${nexthop} --nosuch", "unknown option --nosuch"),
        ("--nice VERYFAST --node ${nexthop} --sender ${sender} -- ${recipient}", "nice"),
    ],
)
def test_a_mistake_in_master_cf_keeps_the_mail_and_says_so(journey: Journey, words: str, said: str) -> None:
    restart(journey, command(journey, words=words))
    line = outcome(journey)
    assert "dsn=4.3.5, status=deferred" in line
    assert said in line


def test_a_configuration_that_is_gone_keeps_the_mail(journey: Journey) -> None:
    journey.alice.toml.rename(journey.place / "away")
    line = outcome(journey)
    assert "dsn=4.3.5, status=deferred" in line


def test_a_spool_that_cannot_be_written_keeps_the_mail(journey: Journey) -> None:
    # The file is in the place of a directory: that stops root too.
    (journey.alice.spool / "tmp").write_bytes(b"")
    line = outcome(journey)
    assert "status=deferred" in line
    assert "dsn=4.3" in line


def test_a_full_disk_keeps_the_mail_and_loses_nothing(journey: Journey) -> None:
    restart(journey, command(journey, before="/usr/bin/prlimit --fsize=100"))
    line = outcome(journey)
    assert "dsn=4.3.1, status=deferred" in line
    assert [] == journey.alice.packets("tx")


def test_a_signal_keeps_the_mail(journey: Journey) -> None:
    entry, _, _ = service("submit", journey.alice.toml).partition(" argv=")
    killer = journey.place / "killer"
    killer.write_text("#!/bin/sh\nkill -9 $$\n")
    killer.chmod(0o755)
    restart(journey, f"{entry} argv={killer} submit ${{recipient}}")
    assert "status=deferred" in outcome(journey)


def test_a_program_that_is_missing_keeps_the_mail(journey: Journey) -> None:
    entry, _, _ = service("submit", journey.alice.toml).partition(" argv=")
    restart(journey, f"{entry} argv=/nonexistent/gateway submit ${{recipient}}")
    assert "status=deferred" in outcome(journey)


def test_what_can_never_be_sent_bounces_with_our_words(journey: Journey) -> None:
    """Without the flag q Postfix gives us what is no address."""
    entry = command(journey).replace("flags=q ", "")
    restart(journey, entry)
    line = outcome(journey, '"b c"@b.example')
    assert "dsn=5.6.0, status=bounced" in line
    (bounce,) = journey.a.wait_for_mails(1)
    assert ("", ("joe@a.example",)) == (bounce.sender, bounce.recipients)
    assert b"not an address: 'b c@b.example'" in b" ".join(bounce.message.split())


def test_a_message_larger_than_allowed_bounces_with_our_words(journey: Journey) -> None:
    entry = command(journey, words="--max-size 1 --node ${nexthop} --sender ${sender} -- ${recipient}")
    restart(journey, entry)
    journey.send("joe@a.example", ["x@b.example"], TEXT + os.urandom(4000).hex().encode() + b"\n")
    (bounce,) = journey.a.wait_for_mails(1)
    assert b"5.6.0" in bounce.message
    assert [] == journey.alice.packets("tx")


def test_success_says_nothing(journey: Journey) -> None:
    assert "status=sent (delivered via gateway service)" in outcome(journey)


def test_an_earlier_failure_is_made_good_by_the_next_attempt(journey: Journey) -> None:
    journey.alice.toml.rename(journey.place / "away")
    outcome(journey)
    (journey.place / "away").rename(journey.alice.toml)
    journey.sent()
    assert 1 == len(journey.alice.packets("tx"))


def test_shell_signs_in_addresses_are_only_letters(journey: Journey) -> None:
    name = "$(touch${IFS}{directory}/evil)|`id`;&@b.example".replace(
        "{directory}", str(journey.place).replace("/", "|")
    )
    local = name.rpartition("@")[0]
    line = outcome(journey, f'"{local}"@b.example')
    assert "status=" in line
    assert not (journey.place / "evil").exists()
    assert shlex.quote(local) != local
