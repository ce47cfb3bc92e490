from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.cfgdir import read as read_directory
from gateway.config.hjson import parse
from gateway.config.mistakes import Mistakes
from gateway.config.model import Config
from gateway.config.nncp import build, read
from gateway.config.schema import NNCP, Kind, Schema, Tree, match
from gateway.errors import ConfigError, UnknownNode
from gateway.packet.identity import encode
from tests.config.files import ALICE, EBLOB, EXPECTED, TRICKY, VECTORS

ALICE_TEXT = (VECTORS / "nodes" / "alice" / "nncp.hjson").read_text()


def alice(old: str, new: str) -> Config:
    """Load alice's file with one thing changed."""
    assert old in ALICE_TEXT
    return read(ALICE_TEXT.replace(old, new, 1), "nncp.hjson")


def wrong(old: str, new: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        alice(old, new)
    return [line.removeprefix("nncp.hjson: ") for line in caught.value.mistakes]


def as_files(table: Tree, schema: Schema, at: str = "") -> dict[str, str]:
    """Return a matched tree as NNCP's directory layout holds it, keys back in text."""
    files: dict[str, str] = {}
    for name, value in table.items():
        kind = schema.get(name, schema.get("*"))
        if isinstance(kind, Kind):
            if kind.shape == "flag":
                files |= {at + name: ""} if value else {}
            elif name == "umask":
                files[at + name] = f"{value:03o}\n"
            else:
                lines = value if isinstance(value, tuple) else (value,)
                files[at + name] = (
                    "\n".join(encode(x) if isinstance(x, bytes) else str(x) for x in lines) + "\n"
                )
        elif isinstance(kind, list):
            for number, item in enumerate(value):
                files |= as_files(item, kind[0], f"{at}{name}/{number}/")
        elif kind is not None:
            files |= as_files(value, kind, f"{at}{name}/")
    return files


def test_the_tricky_file_means_what_nncp_says_it_means() -> None:
    mistakes = Mistakes("tricky")
    tree = match(parse(TRICKY.read_text()), NNCP, mistakes, foreign=True)
    assert [] == mistakes.lines()
    assert EXPECTED == as_files(tree, NNCP)


def test_the_tricky_file_loads_with_what_is_not_ours_kept() -> None:
    config = load(str(TRICKY), environ={})
    assert "is ignored, [really] {so}" == config.extra["unknown-key"]
    assert {"notify", "mcd-send", "unknown-key"} == set(config.extra)
    assert 0o027 == config.umask
    assert ["a", "b c"] == list(config.neighbours["quoted name"].handles)


def test_a_directory_means_what_the_file_means() -> None:
    file = load(str(VECTORS / "nodes" / "bob" / "nncp.hjson"), environ={})
    directory = load(str(VECTORS / "nodes" / "bob.dir"), environ={})
    assert file.identity == directory.identity
    assert file.neighbours == directory.neighbours
    assert (file.spool, file.log) == (directory.spool, directory.log)


def test_the_tricky_values_in_a_directory(tmp_path: Path) -> None:
    for name, text in EXPECTED.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / ".hidden").write_text("x")
    config = build(read_directory(str(tmp_path)), str(tmp_path))
    expected = load(str(TRICKY), environ={})
    quoted, other = config.neighbours["quoted name"], expected.neighbours["quoted name"]
    assert other.calls == quoted.calls
    assert (other.addrs, other.maxonlinetime, other.via) == (quoted.addrs, quoted.maxonlinetime, quoted.via)
    assert {*other.handles, "empty"} == {*quoted.handles}
    assert ("",) == quoted.handles["empty"].command
    assert expected.extra["notify"] == config.extra["notify"]


def test_defaults_are_nncps() -> None:
    bob = ALICE.neighbours["bob"]
    handle = bob.handles["sendmail"]
    assert not bob.bounce
    assert ("command", ("/usr/sbin/sendmail", "-t")) == (handle.egress, handle.command)
    assert ("raw", "any") == (handle.form, handle.arguments)
    assert 0o007 == ALICE.umask
    assert ("bsmtp", "rsmtp") == (bob.mail.form, bob.mail.handle)
    assert (10, 0, 0, 0) == (bob.onlinedeadline, bob.maxonlinetime, bob.rxrate, bob.txrate)
    assert ("hub",) == bob.via
    assert "self" in ALICE.neighbours


def test_names_win_over_ids_and_both_are_known() -> None:
    hub = ALICE.neighbours["hub"]
    assert hub is ALICE.neighbour("hub") is ALICE.neighbour(encode(hub.id))
    with pytest.raises(UnknownNode, match=r"neigh\.carol"):
        ALICE.neighbour("carol")


def test_a_via_may_name_an_id() -> None:
    hub = encode(ALICE.neighbours["hub"].id)
    assert ("hub",) == alice('via: ["hub"]', f'via: ["{hub}"]').neighbours["bob"].via


def test_keys_compare_without_case_and_null_is_absent() -> None:
    config = alice('via: ["hub"]', 'VIA: ["hub"]\nincoming: null\nOnlineDeadline: 7')
    assert (("hub",), None, 7) == (
        config.neighbours["bob"].via,
        config.neighbours["bob"].incoming,
        config.neighbours["bob"].onlinedeadline,
    )


def test_of_keys_that_differ_in_case_the_lower_wins() -> None:
    for text in ("nohdr: true\nNOHDR: false", "NOHDR: false\nnohdr: true"):
        assert alice("self: {", f"{text}\nself: {{").nohdr


def test_a_configuration_without_our_keys_is_a_minimal_one() -> None:
    text = re.sub(r"(?s)\n  self: \{.*?\n  \}", "\n  self: null", ALICE_TEXT, count=1)
    config = read(text, "nncp.hjson")
    assert config.identity is None
    assert () == config.key_files
    assert ALICE.neighbours == config.neighbours


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("spool: /var", "spool: var", "spool: an absolute path was expected"),
        ("  log:", "  lag:", "log: missing"),
        ('via: ["hub"]', 'via: ["hbu"]', 'neigh.bob.via[0]: no node "hbu" here; did you mean "hub"?'),
        ('via: ["hub"]', "via: hub", "neigh.bob.via: a list of texts was expected, not text"),
        ('via: ["hub"]', "rxrate: 1.5", "neigh.bob.rxrate: a whole number was expected, not a number"),
        ('via: ["hub"]', "onlinedeadline: 0", "neigh.bob.onlinedeadline: a number of at least 1"),
        ('via: ["hub"]', 'incoming: "x"', "neigh.bob.incoming: an absolute path"),
        ('via: ["hub"]', 'calls: [{nice: "P"}]', "neigh.bob.calls[0].cron: missing"),
        (
            'via: ["hub"]',
            'calls: [{cron: "@daily", nice: 100}]',
            "neigh.bob.calls[0].nice: text was expected",
        ),
        ('via: ["hub"]', 'calls: [{cron: "5-1 * * * *"}]', "runs backwards"),
        ('via: ["hub"]', "calls: {}", "neigh.bob.calls: a list of tables"),
        ('via: ["hub"]', 'exec: {"a b": "x"}', 'neigh.bob.exec."a b": a list of texts'),
        ("self: {", 'nohdr: "true"\nself: {', "nohdr: true or false was expected, not text"),
        ("self: {", "umask: 08\nself: {", "umask: octal"),
        ("self: {", "umask: 7\nself: {", "umask: octal"),
        ("    exchprv: J", "    xxchprv: J", "self.exchprv: missing"),
        ("    id: RMZLBYP5W", "    id: rmzlbyp5w", "self.id: 32 bytes in base32 were expected"),
        ("signprv: JC", "signprv: C", "self.signprv: 64 bytes in base32 were expected: 102 characters"),
    ],
)
def test_a_mistake_is_named_with_its_key(old: str, new: str, expected: str) -> None:
    lines = wrong(old, new)
    assert any(expected in line for line in lines), lines


def test_all_mistakes_are_reported_at_once() -> None:
    lines = wrong('via: ["hub"]', 'via: [1]\nincoming: "x"\ntxrate: a')
    assert ["neigh.bob.via", "neigh.bob.incoming", "neigh.bob.txrate"] == [x.split(":")[0] for x in lines]


def test_what_nncp_accepts_is_accepted() -> None:
    """A circle of relays, a node through itself and an id used twice are odd, not wrong."""
    config = alice('addrs: {lo: "127.0.0.1:5401"}', 'via: ["bob", "hub", "self"]')
    assert ("bob", "hub", "self") == config.neighbours["hub"].via


def test_neigh_self_is_required() -> None:
    assert ["neigh.self: neigh.self is required"] == wrong("    self: {", "    sulf: {")


def test_an_eblob_is_answered_with_the_command_that_decrypts_it() -> None:
    with pytest.raises(ConfigError, match=re.escape(f"nncp-cfgenc -d {EBLOB} >")):
        load(str(EBLOB), environ={})


def test_syntax_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nncp.hjson"
    path.write_text("\n\nspool: [hub]\n")
    with pytest.raises(ConfigError, match=rf"^{path}: line 3: "):
        load(str(path), environ={})


def test_what_is_no_text_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nncp.hjson"
    path.write_bytes(b"a: b\nc: \xff\n")
    with pytest.raises(ConfigError, match="line 2: not UTF-8"):
        load(str(path), environ={})


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(str(tmp_path / "nncp.hjson"), environ={})


def test_explicit_beats_environment_beats_file() -> None:
    path = str(VECTORS / "nodes" / "alice" / "nncp.hjson")
    environ = {"NNCPSPOOL": "/env/spool", "NNCPLOG": "/env/log", "NNCPDEADLINE": "77"}
    by_environ = load(path, environ=environ)
    explicit = load(path, environ=environ, spool="/given", log="FD:4")
    assert ("/env/spool", "/env/log") == (by_environ.spool, by_environ.log)
    assert ("/given", "FD:4") == (explicit.spool, explicit.log)
    assert {77} == {n.onlinedeadline for n in by_environ.neighbours.values()}


def test_loading_asks_the_process_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCPSPOOL", "/from/environ")
    assert "/from/environ" == load(str(VECTORS / "nodes" / "alice" / "nncp.hjson")).spool
    assert os.environ["NNCPSPOOL"] == "/from/environ"
