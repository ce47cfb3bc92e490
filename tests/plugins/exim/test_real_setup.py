"""The configuration that ``gateway exim setup`` writes, read and used by the real Exim."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_exim.setup import Layout, Plan, pieces, routers
from gateway_exim.transport import transport_block

from gateway import put_pieces
from tests.real.cap import Recorder, write_recorder
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.programs import run

pytestmark = pytest.mark.exim

CONF = """\
dc_eximconfig_configtype='{kind}'
dc_other_hostnames='a.example'
dc_local_interfaces='127.0.0.1'
dc_readhost='a.example'
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost='{smarthost}'
CFILEMODE='644'
dc_use_split_config='{split}'
dc_hide_mailname='true'
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
"""


class Debian:
    """A copy of ``/etc/exim4``, and what Debian makes of it."""

    def __init__(self, tmp_path: Path, packaged: Path, exim: Path, layout: Layout, kind: str) -> None:
        self.folder = tmp_path / "exim4"
        self.update = packaged / "bin/update-exim4.conf"
        self.exim = exim / "bin/exim"
        shutil.copytree(packaged / "root/etc/exim4", self.folder)
        split = "true" if layout == "split" else "false"
        smarthost = "none.example" if kind in ("satellite", "smarthost") else ""
        conf = CONF.format(kind=kind, smarthost=smarthost, split=split)
        (self.folder / "update-exim4.conf.conf").write_text(conf)

    def install(self, plan: Plan) -> None:
        """Do what the printed steps say."""
        if plan.layout == "split":
            put_pieces(pieces(plan), str(self.folder), writer="gateway exim setup", force=False)
            return
        macros, router, transport = (piece.text for piece in pieces(plan))
        (self.folder / "exim4.conf.localmacros").write_text(macros)
        template = self.folder / "exim4.conf.template"
        text = template.read_text()
        for mark, block in [
            ("### router/200_exim4-config_primary\n", router + "\n### router/200_exim4-config_primary\n"),
            (
                "### end transport/10_exim4-config_transport-macros\n",
                "### end transport/10_exim4-config_transport-macros\n" + transport,
            ),
        ]:
            assert mark in text
            text = text.replace(mark, block, 1)
        template.write_text(text)

    def ask(self, *arguments: str, must_work: bool = True) -> str:
        """Return what Exim says with the generated configuration."""
        out = self.folder.parent / "out.conf"
        if not out.exists():
            done = run([str(self.update), "-v", "-d", str(self.folder), "-o", str(out)])
            assert done.status == 0, done
            assert b"skipp" not in done.stdout.lower() + done.stderr.lower(), done
            # Whoever is not root cannot write Debian's log, and Exim will not start without one.
            out.write_text(f"log_file_path = {self.folder.parent}/%slog\n{out.read_text()}")
            out.chmod(0o644)
        done = run([str(self.exim), "-C", str(out), *arguments])
        assert done.status == 0 or not must_work, done
        return done.stdout.decode()


def plan(layout: Layout, **changes: object) -> Plan:
    values = {"layout": layout, "user": "daemon", "command": "/bin/cat", "node": "hub", **changes}
    return Plan(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["satellite", "smarthost", "internet", "local"])
@pytest.mark.parametrize("layout", ["split", "single"])
def test_debian_takes_it(
    tmp_path: Path, debian_exim: Path, exim_prefix: Path, layout: Layout, kind: str
) -> None:
    debian = Debian(tmp_path, debian_exim, exim_prefix, layout, kind)
    debian.install(plan(layout))
    assert "Exim version" in debian.ask("-bV")
    assert "router = gateway_node, transport = gateway_bsmtp" in debian.ask("-bt", "x@far.example")
    # Where /etc/aliases is missing, Debian's own router defers: that is past ours all the same.
    local = debian.ask("-bt", "root@a.example", must_work=False)
    assert "root@a.example" in local
    assert "gateway" not in local
    users = debian.ask("-bP", "trusted_users").partition("=")[2]
    assert ["uucp", "daemon"] == [word.strip() for word in users.split(":")]
    options = debian.ask("-bP", "transport", "gateway_bsmtp")
    assert re.search(r"^user = daemon$", options, re.MULTILINE)
    rewrites = kind in ("satellite", "smarthost")
    assert rewrites is bool(re.search(r"^headers_rewrite = .+$", options, re.MULTILINE))
    assert rewrites is bool(re.search(r"^return_path = .+$", options, re.MULTILINE))


def test_debian_with_trusted_users_of_its_own_keeps_them(
    tmp_path: Path, debian_exim: Path, exim_prefix: Path
) -> None:
    debian = Debian(tmp_path, debian_exim, exim_prefix, "split", "satellite")
    debian.install(plan("split"))
    (debian.folder / "conf.d/main/000_localmacros").write_text("MAIN_TRUSTED_USERS = mail\n")
    users = debian.ask("-bP", "trusted_users").partition("=")[2]
    assert ["mail", "daemon"] == [word.strip() for word in users.split(":")]


def test_several_nodes_by_routes(tmp_path: Path, debian_exim: Path, exim_prefix: Path) -> None:
    debian = Debian(tmp_path, debian_exim, exim_prefix, "split", "local")
    debian.install(plan("split", routes=(("one.example", "one"), ("*.uucp.example", "uu"))))
    for address, node in [("x@one.example", "one"), ("x@a.uucp.example", "uu"), ("x@far.example", "hub")]:
        assert f"host {node} " in debian.ask("-bt", address)


def test_several_nodes_by_lookup(tmp_path: Path, debian_exim: Path, exim_prefix: Path) -> None:
    nodes = tmp_path / "nodes"
    nodes.write_text("one.example: one\n*.uucp.example: uu\n")
    debian = Debian(tmp_path, debian_exim, exim_prefix, "split", "local")
    debian.install(plan("split", lookup=str(nodes)))
    for address, node in [("x@one.example", "one"), ("x@a.uucp.example", "uu"), ("x@far.example", "hub")]:
        assert f"host {node} " in debian.ask("-bt", address)


@pytest.fixture
def make_sender(make_exim: Callable[..., Exim]) -> Callable[..., Exim]:
    """A private Exim with our router and transport, less what only a real system can do."""

    def make(command: Path, **changes: object) -> Exim:
        one = plan("plain", command=str(command), **changes)
        user = "daemon" if one.user == "daemon" else one.user
        block = transport_block(user=user, command=f"{command} exec $host rsmtp").replace(
            "  initgroups\n", ""
        )
        block = re.sub(r"  user = .*\n", "", block)
        main = "domainlist local_domains = @\n"
        return make_exim("a.example", routers(one) + LOCAL_ROUTER, block + LOCAL_TRANSPORT, main)

    return make


def test_a_plain_exim_pipes_a_message_with_its_envelope(
    make_sender: Callable[..., Exim], recorder: Recorder
) -> None:
    exim = make_sender(recorder.program)
    exim.own(recorder.folder)
    exim.inject("", ["x@far.example", '"q r"@far.example'], b"Subject: x\n\n.\n")
    (call,) = recorder.calls()
    assert ("exec", "hub", "rsmtp") == call.arguments
    begin = b'MAIL FROM:<>\nRCPT TO:<x@far.example>\nRCPT TO:<"q r"@far.example>\nDATA\n'
    assert call.body.startswith(begin)
    assert call.body.endswith(b"\n\n..\n.\n")
    assert 0 == exim.queued()


@pytest.mark.parametrize(
    ("acts", "deferred"),
    [
        ({"exit": 0}, False),
        ({"exit": 75, "stderr": "4.3.1 no room"}, True),
        ({"exit": 65, "stderr": "5.6.0 bad address"}, False),
        ({"exit": 77, "stderr": "5.7.1 policy"}, False),
        *(({"exit": status}, True) for status in (1, 2, 64, 69, 70, 71, 73, 74, 78, 120, 126, 127)),
        ({"signal": int(signal.SIGKILL)}, True),
    ],
    ids=str,
)
def test_only_65_and_77_bounce(
    tmp_path: Path, make_sender: Callable[..., Exim], acts: dict[str, object], deferred: bool
) -> None:
    recorder = write_recorder(tmp_path / "r", **acts)
    exim = make_sender(recorder.program)
    exim.own(recorder.folder)
    exim.inject("joe@a.example", ["x@far.example"], b"Subject: x\n\nhi\n")
    assert (1 if deferred else 0) == exim.queued(), exim.records()
    bounced = acts.get("exit") in (65, 77)
    assert (1 if bounced else 0) == len([mail for mail in exim.mails() if mail.sender == ""])
    if bounced:
        assert str(acts["stderr"]).encode() in exim.mails()[0].message
    if deferred and "stderr" in acts:
        assert str(acts["stderr"]) in exim.records()


def test_a_missing_program_defers(tmp_path: Path, make_sender: Callable[..., Exim]) -> None:
    exim = make_sender(tmp_path / "none")
    exim.inject("joe@a.example", ["x@far.example"], b"Subject: x\n\nhi\n")
    assert 1 == exim.queued(), exim.records()
    assert [] == exim.mails()
