"""``gateway exim check`` against the real Exim: what is well, and each thing that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateway_exim.check import Finding, findings
from gateway_exim.commands import exim as commands
from gateway_exim.setup import Plan, routers
from gateway_exim.transport import transport_block

from gateway import ProgramError
from tests.plugins.exim.material import script
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

pytestmark = pytest.mark.exim

PLAN = Plan(layout="plain", user="daemon", command="/bin/cat", node="hub")
BLOCK = transport_block(user="daemon", command="/bin/cat exec $host rsmtp")
MAIN = "domainlist local_domains = @\n"
ADDRESS = "x@far.example"
SWITCHES = (
    "use_bsmtp",
    "batch_max",
    "temp_errors",
    "timeout_defer",
    "freeze_signal",
    "log_defer_output",
    "return_fail_output",
)


@pytest.fixture
def look(make_exim: Callable[..., Exim]) -> Callable[..., list[Finding]]:
    """What is found in an Exim with this transport block."""

    def look(block: str = BLOCK, routers_text: str = "", user: str = "", main: str = MAIN) -> list[Finding]:
        text = (routers_text or routers(PLAN)) + LOCAL_ROUTER
        exim = make_exim("a.example", text, block + LOCAL_TRANSPORT, main)
        return list(findings(exim.command(), ADDRESS, user or exim.account.pw_name))

    return look


def problems(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if not finding.ok]


def test_what_setup_writes_is_well(look: Callable[..., list[Finding]]) -> None:
    found = look()
    assert [] == problems(found)
    expected = ["version", "route", "command", "options", "retry", "trust", "batch input"]
    assert expected == [finding.subject for finding in found]


def without(option: str) -> str:
    text, count = re.subn(rf"  {option}( = .*)?\n", "", BLOCK)
    assert count == 1
    return text


@pytest.mark.parametrize(
    ("block", "subject"),
    [
        *((without(option), option) for option in ("use_bsmtp", "batch_max", "temp_errors", "timeout_defer")),
        *(
            (without(option), option)
            for option in ("freeze_signal", "log_defer_output", "return_fail_output")
        ),
        (BLOCK.replace("timeout = 10m", "timeout = 30s"), "timeout"),
        (re.sub(r"temp_errors = .*", "temp_errors = *", BLOCK), "temp_errors"),
        (re.sub(r"temp_errors = .*", "temp_errors = 75", BLOCK), "temp_errors"),
        (BLOCK + "  ignore_status\n", "ignore_status"),
        (BLOCK.replace("  return_fail_output\n", "  return_output\n"), "return_output"),
        (BLOCK + '  message_suffix = "QUIT\\n"\n', "message_suffix"),
        (BLOCK + "  max_parallel = 1\n", "max_parallel"),
        (BLOCK + "  use_shell\n", "use_shell"),
        (BLOCK.replace("/bin/cat", "cat"), "command"),
        (BLOCK.replace("/bin/cat", "/nowhere/gateway"), "command"),
        (BLOCK.replace("$host", "$domain"), "command"),
    ],
)
def test_each_deviation_is_found_and_the_line_mends_it(
    look: Callable[..., list[Finding]], block: str, subject: str
) -> None:
    found = problems(look(block))
    assert subject in [finding.subject for finding in found]
    assert all(finding.text and finding.mend for finding in found)
    finding = next(finding for finding in found if finding.subject == subject)
    if subject == "command":
        return
    option = finding.mend.split()[0].removeprefix("no_")
    mended = re.sub(rf"  (no_)?{option}( = .*)?\n", "", block) + f"  {finding.mend}\n"
    assert subject not in [one.subject for one in problems(look(mended))]


def test_mail_that_takes_another_way_is_found(look: Callable[..., list[Finding]]) -> None:
    (found,) = problems(look(routers_text="other:\n  driver = accept\n  transport = maildir\n"))
    assert "route" == found.subject
    assert "transport maildir (driver appendfile)" in found.text
    assert "other" in found.mend


def test_mail_that_takes_no_way_is_found(look: Callable[..., list[Finding]]) -> None:
    refuse = "no:\n  driver = redirect\n  allow_fail\n  data = :fail: no such way\n"
    (found,) = problems(look(routers_text=refuse))
    assert "route" == found.subject
    assert "no such way" in found.text


def test_a_user_that_is_not_trusted_is_found(look: Callable[..., list[Finding]]) -> None:
    (found,) = problems(look(user="nobody"))
    assert ("trust", "trusted_users = nobody") == (found.subject, found.mend)
    assert [] == problems(look(user="nobody", main=f"{MAIN}trusted_users = nobody\n"))
    assert (
        "trusted_users = mail : nobody"
        == problems(look(user="nobody", main=f"{MAIN}trusted_users = mail\n"))[0].mend
    )


def test_a_trusted_group_is_enough(look: Callable[..., list[Finding]]) -> None:
    assert [] == problems(look(user="nobody", main=f"{MAIN}trusted_groups = nogroup\n"))


def test_a_user_that_does_not_exist_is_found(look: Callable[..., list[Finding]]) -> None:
    assert ["trust"] == [finding.subject for finding in problems(look(user="no-such-user"))]


def test_no_retry_rule_is_found(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("a.example", routers(PLAN) + LOCAL_ROUTER, BLOCK + LOCAL_TRANSPORT, MAIN)
    exim.configuration.write_text(exim.configuration.read_text().replace("* * F,2h,1m\n", ""))
    found = problems(list(findings(exim.command(), ADDRESS, exim.account.pw_name)))
    assert ["retry"] == [finding.subject for finding in found]


def test_a_configuration_that_exim_cannot_read_ends_the_check(look: Callable[..., list[Finding]]) -> None:
    (found,) = look(main=f"{MAIN}no such option\n")
    assert not found.ok
    assert "exim.conf" in found.text


def test_a_full_disk_shows_in_the_batch_input(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("a.example", routers(PLAN) + LOCAL_ROUTER, BLOCK + LOCAL_TRANSPORT, MAIN)
    text = exim.configuration.read_text().replace("check_spool_space = 0", "check_spool_space = 100000G")
    exim.configuration.write_text(text)
    (found,) = problems(list(findings(exim.command(), ADDRESS, exim.account.pw_name)))
    assert "batch input" == found.subject
    assert "insufficient disk space" in found.text


def test_nothing_is_left_in_exims_queue(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("a.example", routers(PLAN) + LOCAL_ROUTER, BLOCK + LOCAL_TRANSPORT, MAIN)
    list(findings(exim.command(), ADDRESS, exim.account.pw_name))
    assert 0 == exim.queued()


def test_the_command_prints_and_ends_by_what_it_found(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("a.example", routers(PLAN) + LOCAL_ROUTER, BLOCK + LOCAL_TRANSPORT, MAIN)
    wrapper = script(exim.directory / "exim", f'exec {" ".join(exim.command())} "$@"')
    words = ["check", "--exim", str(wrapper), "--user", exim.account.pw_name, ADDRESS]
    done = CliRunner().invoke(commands, words)
    assert 0 == done.exit_code, done.output
    assert "PROBLEM" not in done.output
    done = CliRunner().invoke(commands, [*words[:3], "--user", "nobody", "--json", ADDRESS])
    assert 1 == done.exit_code
    records = [json.loads(line) for line in done.output.splitlines()]
    assert [False] == [record["ok"] for record in records if record["subject"] == "trust"]


def test_no_exim_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramError):
        list(findings([str(tmp_path / "none")], ADDRESS, "root"))
