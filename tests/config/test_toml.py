from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.model import Accept, Limits, MailForm, Retry, Serve
from gateway.errors import ConfigError
from tests.config.files import ALICE, BOB, BOB_KEYS, HUB, SELF, mistakes, ours

FULL = """\
addrs.internet = "bob.example:5400"
via = ["hub"]
mail = { form = "sendmail", sender = "header" }
exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]
exec.inbox = { egress = "maildir", path = "/home/bob/Maildir" }
accept.senders = ["*@bob.example", "<>"]
accept.recipients = ["*@here.example"]
accept.max-size = "1 MiB"
limits.stored = "10 GiB"
limits.packets = 3
ack = true
bounce = false
warn-after = "8d"
incoming = "/srv/in"
calls = [{ cron = "*/10 * * * *", nice = "P", xx = "tx" }]
"""
TAIL = """\
[routes]
"bob.example" = "bob"
"*" = "hub"
[retry]
schedule = ["1m", 90]
give-up = "2d"
warn-after = "12h"
warn-sender = true
[serve]
daemon = "[::]:5400"
lmtp = "/run/gateway/lmtp.sock"
submit = "/run/gateway/submit.sock"
metrics = "127.0.0.1:9140"
jobs = 4
seen-age = "1w"
[plugin.exim]
batch = 50
[nncp]
mcd-listen = ["em0"]
"""
ROOT = """\
name = "alice"
log = "/var/log/gateway.log"
log-format = "json"
umask = "027"
plugins = ["exim"]
"""


def test_every_key_arrives(tmp_path: Path) -> None:
    config = ours(tmp_path, bob=FULL, root=ROOT, tail=TAIL)
    bob = config.neighbours["bob"]
    assert ("toml", "alice", "/var/spool/gateway") == (config.dialect, config.name, config.spool)
    assert ("/var/log/gateway.log", "json", 0o027) == (config.log, config.log_format, config.umask)
    assert (("exim",), {"exim": {"batch": 50}}) == (config.plugins, config.plugin)
    assert ALICE.identity == config.identity
    assert (BOB.id, BOB.exchpub, BOB.signpub, BOB.noisepub) == (
        bob.id,
        bob.exchpub,
        bob.signpub,
        bob.noisepub,
    )
    assert (("hub",), {"internet": "bob.example:5400"}) == (bob.via, bob.addrs)
    assert MailForm("sendmail", "sendmail", "header") == bob.mail
    assert Accept(("*@bob.example", "<>"), ("*@here.example",), 2**20) == bob.accept
    assert Limits(10 * 2**30, 3, None) == bob.limits
    assert (True, False, 8 * 86400.0, "/srv/in") == (bob.ack, bob.bounce, bob.warn_after, bob.incoming)
    assert ({"cron": "*/10 * * * *", "nice": "P", "xx": "tx"},) == bob.calls
    assert {"bob.example": "bob", "*": "hub"} == config.routes
    assert Retry((60.0, 90.0), 172800.0, 43200.0, warn_sender=True) == config.retry
    assert config.serve == Serve(
        daemon="[::]:5400",
        lmtp="/run/gateway/lmtp.sock",
        submit="/run/gateway/submit.sock",
        metrics="127.0.0.1:9140",
        jobs=4,
        seen_age=604800.0,
    )
    assert {"mcd-listen": ("em0",)} == config.extra


def test_defaults_are_ours(tmp_path: Path) -> None:
    config = ours(tmp_path)
    bob = config.neighbours["bob"]
    assert bob.bounce
    assert (MailForm(), Accept(), Limits(), False) == (bob.mail, bob.accept, bob.limits, bob.ack)
    assert (None, None, 0o007, "nncp") == (config.plugins, config.log, config.umask, config.log_format)
    assert (Retry(), Serve(), {}) == (config.retry, config.serve, config.routes)


def test_we_are_our_own_neighbour(tmp_path: Path) -> None:
    config = ours(tmp_path, tail='[neigh.self]\nexec.x = ["/bin/cat"]')
    assert ALICE.neighbours["self"].id == config.neighbours["self"].id
    assert ["x"] == list(config.neighbours["self"].handles)


def test_keys_live_in_a_file_beside(tmp_path: Path) -> None:
    spool, _, keys = SELF.partition("[self]\n")
    (tmp_path / "keys.toml").write_text(keys)
    path = tmp_path / "gateway.toml"
    path.write_text(f'{spool}self = "keys.toml"\n{BOB_KEYS}')
    config = load(str(path))
    assert ALICE.identity == config.identity
    assert (str(tmp_path / "keys.toml"),) == config.key_files


def test_mistakes_of_the_key_file_stand_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('id = "x"\n')
    path = tmp_path / "gateway.toml"
    path.write_text('spool = "s"\nself = "keys.toml"\n')
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert f"{path}: spool: an absolute path was expected" == caught.value.mistakes[0]
    assert f"{tmp_path}/keys.toml: id: 32 bytes in base32" in caught.value.mistakes[1]
    assert f"{tmp_path}/keys.toml: exchprv: missing" in caught.value.mistakes


def test_a_key_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('spool = "/s"\nself = "keys.toml"\n')
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/keys.toml: cannot be read: No such file")):
        load(str(path))


def test_a_file_without_keys_of_ours_says_how_to_get_them(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('spool = "/s"\n')
    with pytest.raises(ConfigError, match="gateway init"):
        load(str(path))


@pytest.mark.parametrize(
    ("bob", "expected"),
    [
        ('vai = ["hub"]', 'neigh.bob.vai: unknown key; did you mean "via"?'),
        ('via = ["hbu"]', 'neigh.bob.via[0]: no node "hbu" here; did you mean "hub"?'),
        ('via = "hub"', "neigh.bob.via: a list of texts was expected, not text"),
        ('via = ["hub", "hub"]', "neigh.bob.via: the same relay twice"),
        ('via = ["bob"]', "neigh.bob.via: a packet cannot reach a node through itself"),
        ('via = ["self"]', "neigh.bob.via: a packet cannot reach a node through itself"),
        ('accept.max-size = "3 MeB"', "neigh.bob.accept.max-size: unknown unit 'MeB'"),
        ("accept.max-size = -1", "neigh.bob.accept.max-size: a size was expected"),
        ('accept.senders = ["bob.example"]', 'did you mean "*@bob.example"?'),
        ('accept.senders = [""]', "neigh.bob.accept.senders: '' is no address glob"),
        ('accept.recipients = "*@x"', "neigh.bob.accept.recipients: a list of texts was expected"),
        ("limits.packets = -1", "neigh.bob.limits.packets: a number of at least 0"),
        ("ack = 1", "neigh.bob.ack: true or false was expected, not a number"),
        ('mail = { form = "raw" }', 'neigh.bob.mail.form: one of "bsmtp", "rmail", "sendmail"'),
        ('mail = "bsmtp"', "neigh.bob.mail: a table was expected"),
        ("exec.x = 1", "neigh.bob.exec.x: a command line"),
        ('exec.x = ["sendmail"]', "neigh.bob.exec.x.command: a program with its absolute path"),
        ("exec.x = []", "neigh.bob.exec.x.command: a program with its absolute path"),
        ('exec.x = { path = "/x" }', "neigh.bob.exec.x: neither egress nor command"),
        ('exec.x = { egress = "maildir" }', "neigh.bob.exec.x.path: the egress maildir needs"),
        ('exec.x = { egress = "maildir", path = "x" }', "neigh.bob.exec.x.path: an absolute path"),
        ('exec.x = { egress = "command" }', "neigh.bob.exec.x.command: the egress command needs one"),
        ('exec.x = { egress = "exim", command = ["/x"] }', "neigh.bob.exec.x.form: the egress exim delivers"),
        ('exec.x = { command = ["/x"], timeout = "5x" }', "neigh.bob.exec.x.timeout: a duration"),
        ('exec.x = { command = ["/x"], form = "uucp" }', "neigh.bob.exec.x.form: one of"),
        ('exec.x = { command = ["/x"], arguments = "all" }', "neigh.bob.exec.x.arguments: one of"),
        ('exec."a b" = 1', 'neigh.bob.exec."a b": a command line'),
        ('calls = [{ nice = "P" }]', "neigh.bob.calls[0].cron: missing"),
        ("calls = [{ cron = 1 }]", "neigh.bob.calls[0].cron: text was expected, not a number"),
        ("onlinedeadline = 0", "neigh.bob.onlinedeadline: a number of at least 1"),
    ],
)
def test_a_mistake_in_a_neighbour_is_named_with_its_key(tmp_path: Path, bob: str, expected: str) -> None:
    lines = mistakes(tmp_path, bob=bob)
    assert 1 == len(lines)
    assert expected in lines[0]


@pytest.mark.parametrize(
    ("root", "tail", "expected"),
    [
        ('pool = "x"', "", 'pool: unknown key; did you mean "spool"?'),
        ("umask = 7", "", "umask: octal text was expected"),
        ('umask = "7777"', "", "umask: octal text was expected"),
        ('log-format = "xml"', "", 'log-format: one of "nncp", "json"'),
        ('log = "x"', "", "log: an absolute path"),
        ('name = "a b"', "", "name: a name without white space"),
        ("plugins = [1]", "", "plugins: text was expected, not a number"),
        ("", '[routes]\n"*" = "hbu"', 'routes."*": no node "hbu" here; did you mean "hub"?'),
        ("", "[retry]\nschedule = []", "retry.schedule: a list of durations"),
        ("", '[retry]\ngive-up = "5 days"', "retry.give-up: a duration was expected"),
        ("", '[serve]\ndaemon = "5400"', "serve.daemon: HOST:PORT"),
        ("", '[serve]\nlmtp = "run/x"', "serve.lmtp: the absolute path of a socket or HOST:PORT"),
        ("", "[serve]\njobs = 0", "serve.jobs: a number of at least 1"),
        ("", "plugin.exim = 1", "neigh.bob.plugin: unknown key"),
        ("", "[plugin]\nexim = 1", "plugin.exim: a table was expected"),
        ("", "[nncp]\nmcd = 1", "nncp.mcd: unknown key"),
        ("", BOB_KEYS.replace("bob", "twin"), "neigh.twin.id: the same id as bob"),
        ("", '[neigh."a:b"]\nid = "x"', 'neigh."a:b": a name without white space'),
    ],
)
def test_a_mistake_elsewhere_is_named_with_its_key(
    tmp_path: Path, root: str, tail: str, expected: str
) -> None:
    assert any(expected in line for line in mistakes(tmp_path, root=root, tail=tail))


def test_a_circle_of_relays_is_a_mistake(tmp_path: Path) -> None:
    hub = f'{BOB_KEYS.replace("bob", "carol").replace("KFXY", "KFXX")}via = ["bob"]'
    assert [
        "neigh.bob.via: a circle: a relay on this way is itself reached through this node",
        "neigh.carol.via: a circle: a relay on this way is itself reached through this node",
    ] == mistakes(tmp_path, bob='via = ["carol"]', tail=hub)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    lines = mistakes(
        tmp_path, root="umask = 7", bob='ack = 1\nexec.x = 1\nvia = ["x"]', tail="[serve]\njobs = 0"
    )
    assert {"umask", "neigh.bob.ack", "neigh.bob.exec.x", "neigh.bob.via[0]", "serve.jobs"} == {
        line.split(":")[0] for line in lines
    }


@pytest.mark.parametrize(
    ("text", "expected"), [("a = 1\nb = = 2", "line 2, column 5"), ("a = ", "end of document")]
)
def test_syntax_is_reported_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {expected}: invalid value")):
        load(str(path))


def test_deep_nesting_is_a_mistake_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("a = " + "[" * 100000)
    with pytest.raises(ConfigError):
        load(str(path))


def test_nncps_variables_mean_nothing_to_us(tmp_path: Path) -> None:
    ours(tmp_path)
    environ = {"NNCPSPOOL": "/x", "NNCPLOG": "/y"}
    assert "/var/spool/gateway" == load(str(tmp_path / "gateway.toml"), environ=environ).spool


def test_the_command_line_wins(tmp_path: Path) -> None:
    ours(tmp_path)
    config = load(str(tmp_path / "gateway.toml"), environ={}, spool="/a", log="/b")
    assert ("/a", "/b") == (config.spool, config.log)


def test_a_via_may_name_an_id(tmp_path: Path) -> None:
    config = ours(tmp_path, bob='via = ["F4PF76BHAMYTGEYDZ77DWQL7NMGASMR2NL2VLUQKHUL4BDDIDCBA"]')
    assert ("hub",) == config.neighbours["bob"].via
    assert HUB.id == config.neighbours["hub"].id


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    """Every key of the contract, in the spelling of its table."""
    bob = """
via = ["hub"]
mail = { form = "bsmtp", handle = "rsmtp" }
exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]
exec.rmail = { egress = "rmail", command = ["/usr/bin/rmail"], timeout = 300 }
exec.inbox = { egress = "maildir", path = "/home/bob/Maildir" }
exec.old = { command = ["/usr/sbin/sendmail"], form = "sendmail", arguments = "recipients" }
exec.both = { egress = "smtp", command = ["/usr/sbin/sendmail", "-bs"], form = "bsmtp" }
accept.senders = ["*@bob.example", "<>"]
accept.recipients = ["*@here.example"]
accept.max-size = "256 MiB"
limits.stored = "10 GiB"
ack = true
bounce = true
"""
    tail = """
[retry]
schedule = ["1m", "5m", "15m", "1h", "4h"]
give-up = "5d"
[serve]
seen-age = "30d"
"""
    config = ours(tmp_path, bob=bob, tail=tail)
    assert [
        ("rsmtp", "exim", "bsmtp", "none"),
        ("rmail", "rmail", "rmail", "recipients"),
        ("inbox", "maildir", "raw", "none"),
        ("old", "command", "sendmail", "recipients"),
        ("both", "smtp", "bsmtp", "none"),
    ] == [(h.name, h.egress, h.form, h.arguments) for h in config.neighbours["bob"].handles.values()]
    assert (MailForm(), Retry(), Serve()) == (config.neighbours["bob"].mail, config.retry, config.serve)
    assert Accept().max_size == config.neighbours["bob"].accept.max_size


def test_a_number_without_end_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}.*digits"):
        ours(tmp_path, tail="x = " + "9" * 5000)
