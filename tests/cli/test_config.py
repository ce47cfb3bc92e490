from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gateway.cli import run_command
from gateway.config import load
from gateway.config.hjson import parse
from gateway.testing import Node
from tests.config.files import ALICE, BOB_KEYS, HUB_KEYS, SELF, TRICKY, VECTORS

ALICE_HJSON = str(VECTORS / "nodes" / "alice" / "nncp.hjson")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{SELF}\n{HUB_KEYS}\n{BOB_KEYS}\nvia = ['hub']\n")
    path.chmod(0o600)
    return path


def test_a_sound_configuration_is_said_to_be_sound(config: Path, capsys: Capture) -> None:
    assert 0 == run_command(["config", "check"], {"config": str(config)})
    assert (f"{config}: 2 neighbours, no mistake\n", "") == capsys.readouterr()


def test_mistakes_are_all_named_and_the_status_is_1(config: Path, capsys: Capture) -> None:
    config.write_text(config.read_text() + "ack = 1\nvai = 2\n")
    assert 1 == run_command(["config", "check"], {"config": str(config)})
    out, err = capsys.readouterr()
    assert "" == out
    assert [
        f"gateway: {config}: neigh.bob.ack: true or false was expected, not a number",
        f'gateway: {config}: neigh.bob.vai: unknown key; did you mean "via"?',
    ] == err.splitlines()


def test_an_egress_that_nobody_brings_is_a_mistake(config: Path, capsys: Capture) -> None:
    inbox = 'exec.in = { egress = "maildri", path = "/x" }\nexec.out = ["/bin/true"]\n'
    config.write_text(config.read_text() + inbox)
    assert 1 == run_command(["config", "check"], {"config": str(config)})
    key = f"gateway: {config}: neigh.bob.exec.in.egress"
    assert ("", f'{key}: no plugin brings "maildri"; did you mean "maildir"?\n') == capsys.readouterr()


def test_a_plugin_that_is_missing_or_wrongly_configured_is_a_mistake(config: Path, capsys: Capture) -> None:
    plugins = 'plugins = ["exim", "ghost"]\nplugin.exim.session = 0\n'
    config.write_text(plugins + config.read_text())
    assert 1 == run_command(["config", "check"], {"config": str(config)})
    said = capsys.readouterr().err.splitlines()
    assert ["plugin exim: plugin.exim: session", "plugin ghost: not installed"] == [
        ": ".join(line.removeprefix(f"gateway: {config}: plugins: ").split(": ")[:n])
        for n, line in zip((3, 2), said, strict=True)
    ]


def test_warnings_leave_the_status_0(config: Path, capsys: Capture) -> None:
    config.chmod(0o644)
    assert 0 == run_command(["config", "check"], {"config": str(config)})
    out, err = capsys.readouterr()
    assert "1 warning" in out
    assert [
        f"gateway: warning: {config}: private keys open to every user (mode 0644): chmod o-rw {config}"
    ] == (err.splitlines())


def test_showing_shows_no_private_key(config: Path, capsys: Capture) -> None:
    assert 0 == run_command(["config", "show"], {"config": str(config)})
    out = capsys.readouterr().out
    assert "[neigh.bob]" in out
    assert "prv" not in out
    assert 0 == run_command(["config", "show", "--json"], {"config": str(config)})
    out = capsys.readouterr().out
    assert ["hub"] == json.loads(out)["neighbours"]["bob"]["via"]
    assert not any(word in out for word in ("prv", "JCFZDWC7", "JCMTKVZL", "AA2YEAWD"))


def test_an_import_loads_as_the_original_does(tmp_path: Path, capsys: Capture) -> None:
    assert 0 == run_command(["config", "import", ALICE_HJSON], {})
    path = tmp_path / "gateway.toml"
    path.write_text(capsys.readouterr().out)
    expected = ALICE._replace(path=str(path), dialect="toml", key_files=(str(path),))
    assert expected == load(str(path))


def test_an_import_can_put_the_keys_aside(tmp_path: Path, capsys: Capture) -> None:
    out, keys = tmp_path / "gateway.toml", tmp_path / "keys" / "own.toml"
    keys.parent.mkdir()
    words = ["config", "import", "--keys", str(keys), "-o", str(out), ALICE_HJSON]
    assert 0 == run_command(words, {})
    assert 'self = "keys/own.toml"' in out.read_text()
    assert "prv" not in out.read_text()
    assert 0o600 == stat.S_IMODE(keys.stat().st_mode)
    assert ALICE.identity == load(str(out)).identity
    before = out.read_text()
    assert 1 == run_command(words, {})
    assert before == out.read_text()
    assert "exists already" in capsys.readouterr().err


def test_an_import_says_what_our_dialect_does_not_take(capsys: Capture) -> None:
    assert 1 == run_command(["config", "import", str(TRICKY)], {})
    err = capsys.readouterr().err
    assert "unknown-key: unknown, left out" in err
    assert "please mend by hand" in err


def test_what_is_ours_already_needs_no_import(config: Path, capsys: Capture) -> None:
    assert 2 == run_command(["config", "import", str(config)], {})
    assert "in our dialect already" in capsys.readouterr().err


def test_an_export_prints_hjson_and_its_losses(config: Path, capsys: Capture) -> None:
    assert 0 == run_command(["config", "export"], {"config": str(config)})
    out, err = capsys.readouterr()
    assert {"self", "hub", "bob"} == set(parse(out)["neigh"])  # type: ignore[call-overload]
    assert "neigh.bob: NNCP has no bounce; left out" in err


def test_an_export_into_a_directory(config: Path, tmp_path: Path, capsys: Capture) -> None:
    directory = tmp_path / "dir"
    assert 0 == run_command(["config", "export", "--directory", str(directory)], {"config": str(config)})
    assert ("hub",) == load(str(directory), environ={}).neighbours["bob"].via
    assert 1 == run_command(["config", "export", "--directory", str(directory)], {"config": str(config)})
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("handle", "said"),
    [
        (
            {"egress": "exim", "command": ["/x", "-bS"], "sesion": 5},
            "rsmtp: sesion: unknown key, expected one of",
        ),
        (
            {"egress": "exim", "command": ["/x", "-bS"], "session": "5"},
            "rsmtp: session: expected a whole number",
        ),
        (
            {"egress": "postfix", "command": ["/x"], "session": 5},
            "rsmtp: session: unknown key of the egress postfix",
        ),
        (
            {"egress": "rmail", "command": ["/x"], "adresses": "bang"},
            "rsmtp: adresses: unknown key, expected one",
        ),
        (
            {"egress": "smtp", "address": "127.0.0.1:24", "protocl": "lmtp"},
            "rsmtp: protocl: unknown key, expected",
        ),
        ({"egress": "smtp", "command": ["/x", "-bs"], "protocol": "esmtp"}, "rsmtp: protocol: expected"),
        ({"egress": "maildir", "path": "/x", "mod": "0644"}, "rsmtp: mod: unknown key, expected path"),
        ({"egress": "maildir", "path": "/x", "mode": "rw"}, "rsmtp: mode: not octal digits"),
        (
            {"egress": "command", "command": ["/x"], "timeot": 5},
            "rsmtp: timeot: unknown key of the egress command",
        ),
    ],
)
def test_a_handle_s_own_options_are_checked_before_there_is_mail(
    tmp_path: Path, capsys: Capture, handle: dict[str, object], said: str
) -> None:
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.know(bob, exec={"rsmtp": handle})
    assert 1 == run_command(["config", "check"], {"config": str(alice.config)})
    [line] = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    assert f"{alice.config}: neigh.bob.exec.{said}" in line


def test_an_egress_that_cannot_check_hides_nothing_else(
    config: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise LookupError("no loft")

    monkeypatch.setattr("gateway.defaults.maildir_egress.MaildirEgress.check", crash)
    config.write_text(config.read_text() + '[neigh.bob.exec.inbox]\negress = "maildir"\npath = "/x"\n')
    assert 1 == run_command(["config", "check"], {"config": str(config)})
    assert "exec.inbox: the egress maildir cannot check it: LookupError('no loft')" in capsys.readouterr().err
