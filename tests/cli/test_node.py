from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import run_command
from gateway.config import load
from gateway.config.fingerprint import fingerprint
from gateway.packet.identity import encode
from tests.config.files import ALICE, BOB, BOB_KEYS, HUB_KEYS, SELF, VECTORS

Capture = pytest.CaptureFixture[str]
Node = Callable[..., int]
COMMENT = "# hub, by the river\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(f'name = "alice"\n{SELF}\n{COMMENT}{HUB_KEYS}exec.x = ["/bin/cat"] # old\n\n# the end\n')
    path.chmod(0o640)
    return path


@pytest.fixture
def node(path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Runs ``gateway node`` with a block on stdin."""

    def run(*words: str, stdin: str = "", config: str = str(path)) -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        return run_command(["node", *words], {"config": config})

    return run


def test_list_names_each_with_id_way_and_handles(node: Node, capsys: Capture) -> None:
    assert 0 == node("list")
    lines = capsys.readouterr().out.splitlines()
    assert [["hub", encode(ALICE.neighbours["hub"].id)], ["self", encode(ALICE.neighbours["self"].id)]] == [
        line.split()[:2] for line in sorted(lines)
    ]
    assert 0 == node("list", "--json")
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["hub", "self"] == sorted(fact["name"] for fact in facts)


def test_show_takes_a_name_or_an_id(node: Node, capsys: Capture) -> None:
    assert 0 == node("show", "hub")
    by_name = capsys.readouterr().out
    assert 0 == node("show", encode(ALICE.neighbours["hub"].id))
    assert by_name == capsys.readouterr().out
    words, table, *_ = by_name.splitlines()
    assert f"# words: {fingerprint(ALICE.neighbours['hub'])}" == words
    assert "[neigh.hub]" == table
    assert 0 == node("show", "--json", "hub")
    assert "/bin/cat" == json.loads(capsys.readouterr().out)["handles"]["x"]["command"][0]
    assert 1 == node("show", "nobody")
    assert "unknown node 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--nncp"]])
def test_our_block_is_one_that_another_node_can_add(
    form: list[str], node: Node, path: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert 0 == node("self", *form)
    block = capsys.readouterr().out
    assert "prv" not in block
    run_command(["init", "--name", "carol", str(tmp_path / "carol")], {})
    carol = tmp_path / "carol" / "gateway.toml"
    assert 0 == node("add", "alice", stdin=block, config=str(carol))
    ours, theirs = load(str(path)).neighbours["self"], load(str(carol)).neighbours["alice"]
    for key in ("id", "exchpub", "signpub", "noisepub"):
        assert getattr(ours, key) == getattr(theirs, key)


def test_adding_leaves_every_other_line_as_it_is(node: Node, path: Path, capsys: Capture) -> None:
    before = path.read_text().splitlines()
    assert 0 == node("add", "bob", stdin=BOB_KEYS + 'addrs.home = "bob.example:5400"\nvia = ["hub"]\n')
    assert f"id {encode(BOB.id)}" in capsys.readouterr().out
    config = load(str(path))
    assert (BOB.exchpub, {"home": "bob.example:5400"}, ("hub",)) == (
        config.neighbours["bob"].exchpub,
        config.neighbours["bob"].addrs,
        config.neighbours["bob"].via,
    )
    rest = iter(path.read_text().splitlines())
    assert all(line in rest for line in before)
    assert 0o640 == path.stat().st_mode & 0o777
    assert ["gateway.toml"] == [file.name for file in path.parent.iterdir()]


def test_nncps_blocks_are_read_too(node: Node, path: Path) -> None:
    text = (VECTORS / "nodes" / "alice" / "nncp.hjson").read_text()
    keys = text[text.rindex("bob: {") : text.rindex("exec")]
    assert 0 == node("add", "bob", stdin=keys + "}")
    assert BOB.signpub == load(str(path)).neighbours["bob"].signpub


def test_what_is_known_is_not_changed(node: Node, path: Path, capsys: Capture) -> None:
    before = path.read_text()
    assert 0 == node("add", "hub", stdin=HUB_KEYS)
    assert "nothing was changed" in capsys.readouterr().err
    assert before == path.read_text()


def test_new_keys_for_a_known_name_need_replace(node: Node, path: Path, capsys: Capture) -> None:
    before = path.read_text()
    assert 1 == node("add", "hub", stdin=BOB_KEYS)
    assert "--replace" in capsys.readouterr().err
    assert before == path.read_text()
    assert 0 == node("add", "--replace", "hub", stdin=BOB_KEYS)
    hub = load(str(path)).neighbours["hub"]
    assert (BOB.id, ["x"]) == (hub.id, list(hub.handles))
    assert 'exec.x = ["/bin/cat"] # old' in path.read_text()
    assert COMMENT in path.read_text()


def with_key_of(other: str, key: str) -> str:
    """Return bob's block with a key that another node has."""
    return BOB_KEYS.replace(encode(getattr(BOB, key)), encode(getattr(ALICE.neighbours[other], key)))


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (BOB_KEYS + 'exec.sh = ["/bin/sh"]', "exec: what a neighbour may do here is not for its block"),
        (BOB_KEYS + 'addrs.x = "|sh"', "addrs.x: a command to run here is not for a block"),
        (BOB_KEYS + "ack = true", "ack: unknown key"),
        (BOB_KEYS.replace("KFXY", "kfxy"), "id: 32 bytes in base32 were expected"),
        (BOB_KEYS.replace("signpub", "signpud"), "signpub: missing"),
        (BOB_KEYS + HUB_KEYS, "exactly one node"),
        (BOB_KEYS + 'via = ["nobody"]', 'no node "nobody" here'),
        (HUB_KEYS, "the same as of hub"),
        (with_key_of("hub", "id"), "neigh.bob.id: the same id as hub"),
        (with_key_of("hub", "noisepub"), "noisepub: the same as of hub"),
        (with_key_of("hub", "signpub"), "signpub: the same as of hub"),
        (with_key_of("self", "exchpub"), "exchpub: the same as of self"),
        ("", "exactly one node"),
        ("{", "neither TOML"),
        ("x = ", "neither TOML"),
    ],
)
def test_a_block_that_is_not_one_changes_nothing(
    block: str, expected: str, node: Node, path: Path, capsys: Capture
) -> None:
    before = path.read_text()
    assert 1 == node("add", "bob", stdin=block)
    assert expected in capsys.readouterr().err
    assert before == path.read_text()


def test_remove_takes_the_table_and_its_comment(node: Node, path: Path, capsys: Capture) -> None:
    assert 0 == node("remove", "hub")
    assert ["self"] == list(load(str(path)).neighbours)
    assert "river" not in path.read_text()
    assert "# the end" in path.read_text()
    assert 1 == node("remove", "hub")
    assert "no neighbour hub" in capsys.readouterr().err


def test_what_others_need_is_not_removed(node: Node, path: Path, capsys: Capture) -> None:
    node("add", "bob", stdin=BOB_KEYS + 'via = ["hub"]')
    before = path.read_text()
    assert 1 == node("remove", "hub")
    assert 'neigh.bob.via[0]: no node "hub" here' in capsys.readouterr().err
    assert before == path.read_text()


def test_nncps_files_are_not_edited(node: Node, capsys: Capture) -> None:
    alice = str(VECTORS / "nodes" / "alice" / "nncp.hjson")
    assert 2 == node("add", "carol", stdin=BOB_KEYS, config=alice)
    assert "gateway config import" in capsys.readouterr().err


def test_names_that_no_node_may_have(node: Node, capsys: Capture) -> None:
    assert 2 == node("add", "self", stdin=BOB_KEYS)
    assert 2 == node("add", "a,b", stdin=BOB_KEYS)
    assert 1 == node("remove", "self")


def test_the_words_of_a_block_are_the_same_at_both_ends(node: Node, tmp_path: Path, capsys: Capture) -> None:
    assert 0 == node("self", "--addr", "lan=192.0.2.7:5400")
    block, told = capsys.readouterr()
    run_command(["init", "--name", "carol", str(tmp_path / "carol")], {})
    capsys.readouterr()
    carol = str(tmp_path / "carol" / "gateway.toml")
    assert 0 == node("add", stdin=block, config=carol)
    heard = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("its words: "))
    assert told == f"gateway: the words of alice: {heard.removeprefix('its words: ')}\n"
    assert {"lan": "192.0.2.7:5400"} == load(carol).neighbours["alice"].addrs


def test_a_block_without_a_name_needs_one_from_us(node: Node, capsys: Capture) -> None:
    nameless = "\n".join(BOB_KEYS.splitlines()[1:])
    assert 2 == node("add", stdin=nameless)
    assert "does not say whose it is" in capsys.readouterr().err
    assert 0 == node("add", "bob", stdin=nameless)


def test_a_qr_code_holds_the_block(node: Node, capsys: Capture) -> None:
    segno = pytest.importorskip("segno")
    assert 0 == node("self")
    block = capsys.readouterr().out
    assert 0 == node("self", "--qr")
    drawn = capsys.readouterr().out
    out = io.StringIO()
    segno.make(block, error="l", micro=False).terminal(out, compact=True)
    assert out.getvalue() == drawn
    assert max(map(len, drawn.splitlines())) <= 80


def test_without_the_library_a_qr_code_names_what_to_install(
    node: Node, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    assert 2 == node("self", "--qr")
    assert "mailgateway[tools]" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["lan", "=1.2.3.4:5", "lan=", "lan=192.0.2.7:port", "lan=192.0.2.7:70000"])
def test_an_address_that_is_none_is_refused(wrong: str, node: Node, capsys: Capture) -> None:
    assert 2 == node("self", "--addr", wrong)
    assert "--addr" in capsys.readouterr().err
