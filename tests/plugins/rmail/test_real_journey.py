"""The whole way in UUCP's style: an MTA's pipe, a packet, a directory, toss, ``sendmail``, Exim."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_rmail.setup import Plan, pieces
from gateway_rmail.wrappers import uux_script

from gateway import put_pieces
from tests.real.cap import Recorder, write_recorder
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim, Mail
from tests.real.nodes import Node, carry, toss
from tests.real.postfix import Postfix
from tests.real.programs import gateway_script, run

pytestmark = pytest.mark.exim

MakeExim = Callable[..., Exim]
MakePostfix = Callable[..., Postfix]

TEXT = b"From: joe@a.example\nSubject: one\n\n.\n..\nFrom here\n>From there\n\xfc\nend\n"
NAMES = ["x@b.example", '"q r"@b.example', "Y.Z@b.example", "o'brien@b.example", "a+b=c@b.example"]
SENDERS = ["joe@a.example", "", '"j b"@a.example']


def sender_of(make_exim: MakeExim, command: str, **changes: object) -> Exim:
    """Return Exim A with the router and the transport as they are set up, less what needs root."""
    values = {"mta": "exim", "user": "daemon", "command": "/bin/true", "node": "bob", **changes}
    _, router, transport = (piece.text for piece in pieces(Plan(**values)))  # type: ignore[arg-type]
    for line in ("  user = daemon\n", "  initgroups\n"):  # a private Exim runs as one user
        transport = transport.replace(line, "")
    transport = transport.replace("/bin/true exec $host rmail", command)
    main = "domainlist local_domains = @\n"
    return make_exim("a.example", router + LOCAL_ROUTER, transport + LOCAL_TRANSPORT, main)


class Far:
    """alice's and bob's gateways, with Exim B behind bob's egress rmail."""

    def __init__(self, folder: Path, make_exim: MakeExim) -> None:
        self.alice, self.bob = Node(folder / "alice", "alice"), Node(folder / "bob", "bob")
        self.medium = folder / "medium"
        self.b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
        command = json.dumps([str(self.b.sendmail("-odi"))])
        self.alice.know(self.bob)
        self.bob.know(self.alice, toml=f'exec.rmail = {{ egress = "rmail", command = {command} }}')
        self.command = f"{gateway_script()} --config {self.alice.toml} exec $host rmail"

    def mails(self) -> list[Mail]:
        """Carry what alice has to bob, toss there, and return what Exim B delivered."""
        carry(self.alice, self.bob, self.medium, tx="gateway", rx="gateway")
        done = toss(self.bob, "gateway")
        assert done.status == 0, done
        assert [] == self.bob.packets("rx") + self.bob.packets("work") + self.bob.packets("hold")
        return self.b.mails()

    def expect(self, sender: str, names: list[str]) -> None:
        mails = self.mails()
        assert {sender} == {mail.sender for mail in mails}, self.b.records()
        assert sorted(names) == sorted(name for mail in mails for name in mail.recipients)
        assert {TEXT.partition(b"\n\n")[2]} == {mail.message.partition(b"\n\n")[2] for mail in mails}


@pytest.fixture
def far(tmp_path: Path, make_exim: MakeExim) -> Far:
    return Far(tmp_path, make_exim)


@pytest.mark.parametrize("sender", SENDERS)
def test_from_exim_to_exim(far: Far, make_exim: MakeExim, sender: str) -> None:
    a = sender_of(make_exim, far.command)
    a.own(far.alice.directory)
    a.inject(sender, NAMES, TEXT)
    assert 0 == a.queued(), a.records()
    far.expect(sender, NAMES)


def test_more_recipients_than_a_packet_holds(far: Far, make_exim: MakeExim) -> None:
    a = sender_of(make_exim, far.command)
    a.own(far.alice.directory)
    names = [f"some.body.number{i:03}@b.example" for i in range(150)]
    a.inject("joe@a.example", names, TEXT)
    assert 0 == a.queued(), a.records()
    assert len(far.alice.packets("tx")) > 2
    far.expect("joe@a.example", names)


@pytest.mark.parametrize("sender", SENDERS)
def test_from_an_exim_that_calls_uux(far: Far, make_exim: MakeExim, tmp_path: Path, sender: str) -> None:
    """The transport of a site with UUCP stays as it is; uux is our script."""
    uux = far.alice.directory / "uux"
    uux.write_text(uux_script(f"{gateway_script()} --config {far.alice.toml}"))
    uux.chmod(0o755)
    a = sender_of(make_exim, f"{uux} -r -n -z -a$sender_address - $host!rmail", receive=True)
    text = a.configuration.read_text()
    a.configuration.write_text(text.replace("-a$sender_address ", "").replace("message_suffix =\n", ""))
    a.own(far.alice.directory)
    a.inject(sender, NAMES, TEXT)
    assert 0 == a.queued(), a.records()
    mails = far.mails()
    assert {sender} == {mail.sender for mail in mails}
    assert sorted(NAMES) == sorted(name for mail in mails for name in mail.recipients)
    # Without message_suffix = Exim puts an empty line behind the message.
    end = TEXT.partition(b"\n\n")[2] + b"\n"
    assert {end} == {mail.message.partition(b"\n\n")[2] for mail in mails}


COPY = """\
#!/bin/sh
cat > {0}/body && printf '%s\\0' "$@" > {0}/part && mv {0}/part {0}/words
"""


@pytest.mark.parametrize("sender", ["joe@a.example", "", '"j b"@a.example'])
def test_from_postfix_to_exim(far: Far, make_postfix: MakePostfix, sender: str, tmp_path: Path) -> None:
    """Postfix's account may not reach the gateway here, so its call is repeated word by word."""
    routes = (("b.example", "bob"),)
    plan = Plan(mta="postfix", user="nobody", command="/usr/bin/gateway", routes=routes)
    service, table = (piece.text for piece in pieces(plan))
    maps = tmp_path / "transport"
    maps.write_text(table)
    service = service.replace("/usr/bin/gateway", "{directory}/taken/copy")
    postfix = make_postfix("a.example", f"transport_maps = texthash:{maps}\n", service)
    taken = postfix.directory / "taken"
    taken.mkdir(mode=0o755)
    (taken / "copy").write_text(COPY.format(taken))
    (taken / "copy").chmod(0o755)
    postfix.own(taken)
    postfix.inject(sender, NAMES, TEXT)
    postfix.start()
    assert postfix.wait((taken / "words").exists), postfix.records()
    words = (taken / "words").read_bytes().decode().split("\0")[:-1]
    assert ["exec", "bob", "rmail"] == words[:3]
    done = far.alice.gateway(*words, stdin=(taken / "body").read_bytes())
    assert done.status == 0, done
    far.expect(sender, NAMES)


@pytest.mark.parametrize(
    ("acts", "deferred"),
    [
        ({"exit": 0}, False),
        ({"exit": 75}, True),
        ({"exit": 65, "stderr": "5.6.0 bad address"}, False),
        ({"exit": 77, "stderr": "5.7.1 policy"}, False),
        *(({"exit": status}, True) for status in (1, 2, 64, 69, 70, 120, 126, 127)),
        ({"signal": int(signal.SIGKILL)}, True),
    ],
    ids=str,
)
def test_only_65_and_77_bounce(
    tmp_path: Path, make_exim: MakeExim, acts: dict[str, object], deferred: bool
) -> None:
    recorder = write_recorder(tmp_path / "r", **acts)
    a = sender_of(make_exim, f"{recorder.program} exec $host rmail")
    a.own(recorder.folder)
    a.inject("joe@a.example", ["x@b.example"], TEXT)
    assert (1 if deferred else 0) == a.queued(), a.records()
    bounces = [mail for mail in a.mails() if mail.sender == ""]
    assert (1 if acts.get("exit") in (65, 77) else 0) == len(bounces)
    assert all(str(acts["stderr"]).encode() in bounce.message for bounce in bounces)


def test_what_the_transport_writes(make_exim: MakeExim, recorder: Recorder) -> None:
    a = sender_of(make_exim, f"{recorder.program} exec $host rmail")
    a.own(recorder.folder)
    for sender in ("joe@a.example", ""):
        a.inject(sender, ["x@b.example", '"q r"@b.example'], TEXT)
    for name, call in zip(("joe@a.example", "MAILER-DAEMON"), recorder.calls(), strict=True):
        assert ("exec", "bob", "rmail", "x@b.example", '"q r"@b.example') == call.arguments
        line, _, rest = call.body.partition(b"\n")
        assert line.startswith(f"From {name} ".encode())
        assert line.endswith(b" remote from a.example")
        assert rest.endswith(b"end\n")


CONF = """\
dc_eximconfig_configtype='satellite'
dc_other_hostnames='a.example'
dc_local_interfaces='127.0.0.1'
dc_readhost='a.example'
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost='none.example'
CFILEMODE='644'
dc_use_split_config='true'
dc_hide_mailname='true'
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
"""


def test_debian_takes_the_files(tmp_path: Path, debian_exim: Path, exim_prefix: Path) -> None:
    folder, out = tmp_path / "exim4", tmp_path / "out.conf"
    shutil.copytree(debian_exim / "root/etc/exim4", folder)
    (folder / "update-exim4.conf.conf").write_text(CONF)
    routes = (("*.uucp.example", "uu"),)
    plan = Plan(mta="exim-split", user="daemon", command="/bin/cat", node="hub", routes=routes)
    put_pieces(pieces(plan), str(folder), writer="gateway rmail setup", force=False)
    update = [str(debian_exim / "bin/update-exim4.conf"), "-v", "-d", str(folder), "-o", str(out)]
    done = run(update)
    assert done.status == 0, done
    assert b"skipp" not in done.stdout.lower() + done.stderr.lower(), done
    # Whoever is not root cannot write Debian's log, and Exim will not start without one.
    out.write_text(f"log_file_path = {tmp_path}/%slog\n{out.read_text()}")
    exim = [str(exim_prefix / "bin/exim"), "-C", str(out)]
    for address, node in [("x@far.example", "hub"), ("x@a.uucp.example", "uu")]:
        said = run([*exim, "-bt", address]).stdout.decode()
        assert "router = gateway_rmail, transport = gateway_rmail" in said
        assert f"host {node} " in said
    users = run([*exim, "-bP", "trusted_users"]).stdout.decode().partition("=")[2]
    assert ["uucp", "daemon"] == [word.strip() for word in users.split(":")]
