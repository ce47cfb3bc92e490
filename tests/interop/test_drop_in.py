"""``gateway exec`` in the place of ``nncp-exec``: the same words, the same configuration, the same effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import MAKES, Make, Node, carry, toss
from tests.real.programs import run, run_gateway

pytestmark = pytest.mark.nncp

BATCH = (
    b'MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nRCPT TO:<"q r"@b.example>\nDATA\n'
    b"Subject: hi\n\n..dot\nlast\n.\n"
)
FLASH, BULK = 32, 224


def tossed(alice: Node, bob: Node, stick: Path, recorder: Recorder) -> bytes:
    """Carry with the real NNCP, toss with the real NNCP, and return what the program got."""
    carry(alice, bob, stick, tx="nncp", rx="nncp")
    assert 0 == toss(bob, "nncp").status
    return recorder.calls()[-1].body


@pytest.mark.parametrize("way", ["config", "cfg", "cfg=", "NNCPCFG", "GATEWAY_CONFIG"])
def test_the_seeds_line_over_an_nncp_configuration(
    real_pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, way: str
) -> None:
    """An Exim site changes the program's name and nothing else."""
    alice, bob = real_pair
    environ: dict[str, str] = {}
    words = ["exec", "-quiet", "-noprogress", "bob", "rsmtp"]
    hjson = str(alice.hjson)
    if way == "config":
        words = ["--config", hjson, *words]
    elif way == "cfg":
        words[1:1] = ["-cfg", hjson]
    elif way == "cfg=":
        words[1:1] = [f"-cfg={hjson}"]
    else:
        environ = {way: hjson}
    done = run_gateway(*words, stdin=BATCH, environ=environ)
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done
    assert BATCH == tossed(alice, bob, tmp_path / "stick", recorder)
    assert ("-bS",) == recorder.calls()[-1].arguments


def header_niceness(packet: Path) -> int:
    return packet.read_bytes()[11]


FLAGS: dict[str, tuple[str, ...]] = {
    "two words": ("-nice", "FLASH", "-replynice", "77", "-minsize", "10", "-maxsize", "100", "-via", "-"),
    "equals": ("-nice=FLASH", "-replynice=77", "-minsize=10", "-maxsize=100", "-via=-"),
    "two dashes": ("--nice=FLASH", "--replynice", "77", "--minsize", "10", "--maxsize=100", "--via=-"),
    "ours": ("--nice", "FLASH", "--reply-nice", "77", "--min-size=10", "--max-size", "100", "--via", "-"),
}


@pytest.mark.parametrize("spelling", FLAGS)
@pytest.mark.parametrize("dialect", ["hjson", "toml"])
def test_flags(
    real_nodes: tuple[Node, Node, Node], tmp_path: Path, recorder: Recorder, spelling: str, dialect: str
) -> None:
    """Every flag of nncp-exec that has a value, in every spelling Go's flag package takes."""
    alice, _, bob = real_nodes
    config = alice.hjson if dialect == "hjson" else alice.toml
    flags = [*FLAGS[spelling], "-nocompress", "-noprogress", "-quiet=true", "-progress=false", "-debug=false"]
    done = run_gateway("exec", "-cfg", str(config), *flags, "bob", "cap", stdin=b"body")
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done
    [packet] = alice.packets("tx")
    assert bob.keys.id == packet.parent.parent.name, "-via - means directly"
    assert FLASH == header_niceness(packet)
    assert 10 * 1024 == packet.stat().st_size
    bob.know(alice, handles={"cap": [str(recorder.program)]})
    alice.know(bob)
    assert b"body" == tossed(alice, bob, tmp_path / "stick", recorder)
    assert "77" == recorder.calls()[-1].environ["NNCP_NICE"]


@pytest.mark.parametrize("flag", [("-via", "relay"), ("-via=relay",), ("-via", "{relay}")])
def test_via(real_nodes: tuple[Node, Node, Node], flag: tuple[str, ...]) -> None:
    """A route given by name or by id, in place of the configured one."""
    alice, relay, bob = real_nodes
    alice.know(bob)
    words = [word.format(relay=relay.keys.id) for word in flag]
    assert 0 == alice.gateway("exec", *words, "bob", "cap", stdin=b"x").status
    assert 1 == len(alice.packets("tx", relay))
    assert [] == alice.packets("tx", bob)


@pytest.mark.parametrize("equals", [False, True])
def test_spool_and_log(real_pair: tuple[Node, Node], tmp_path: Path, equals: bool) -> None:
    alice, bob = real_pair
    values = {"-spool": tmp_path / "other", "-log": tmp_path / "other.log"}
    flags = (
        [f"{k}={v}" for k, v in values.items()]
        if equals
        else [w for k, v in values.items() for w in (k, str(v))]
    )
    done = alice.gateway("exec", *flags, "bob", "cap", stdin=b"x")
    assert 0 == done.status, done
    assert [] == alice.packets("tx")
    assert 1 == len([path for path in (tmp_path / "other" / bob.keys.id / "tx").iterdir() if path.is_file()])
    assert "Who: tx" in (tmp_path / "other.log").read_text()
    assert "" == alice.records()


@pytest.mark.parametrize("make", MAKES)
def test_options_stop_at_the_node(
    real_pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, make: Make
) -> None:
    """Words after NODE are the handle's, options or not: callers of ``sendmail -f`` rely on it."""
    alice, bob = real_pair
    done = alice.run(
        make, "exec", "-quiet", "bob", "cap", "-f", "joe@a.example", "--", "-nice", "x", stdin=b"x"
    )
    assert 0 == done.status, done
    tossed(alice, bob, tmp_path / "stick", recorder)
    assert ("-f", "joe@a.example", "--", "-nice", "x") == recorder.calls()[-1].arguments


def test_a_node_may_be_named_by_its_id(real_pair: tuple[Node, Node]) -> None:
    alice, bob = real_pair
    assert 0 == alice.gateway("exec", bob.keys.id, "cap", stdin=b"x").status
    assert 1 == len(alice.packets("tx", bob))


def test_nncps_tools_read_what_we_wrote(real_pair: tuple[Node, Node]) -> None:
    """nncp-check, nncp-stat, nncp-pkt and nncp-log find our packets and records in order."""
    alice, bob = real_pair
    for number in range(3):
        done = alice.gateway("exec", "-nice", "FLASH", "bob", "cap", str(number), stdin=b"x" * number)
        assert 0 == done.status, done
    assert 0 == alice.nncp("check").status
    names = {path.name for path in alice.packets("tx", bob)}
    assert 3 == len(names)
    listing = alice.nncp("stat", "-pkt").stdout.decode()
    assert 3 == sum(name in listing for name in names)
    assert 3 == listing.count("(nice: F)")
    log = alice.nncp("log").stdout.decode()
    assert 3 == len(log.splitlines())
    assert all(name in log for name in names), log
    for packet in alice.packets("tx", bob):
        with packet.open("rb") as file:
            shown = run(
                [str(alice.nncp_command("pkt")[0]), "-cfg", str(alice.hjson), "-overheads"], stdin=file
            )
        assert 0 == shown.status, shown
        copy = packet.parent / "hdr" / packet.name
        assert not copy.exists() or copy.read_bytes() == packet.read_bytes()[:172]


def test_names_of_neighbours_are_linked_as_nncp_does(real_pair: tuple[Node, Node], tmp_path: Path) -> None:
    """A spool made by us, listed by a person, has the same links as one made by NNCP."""
    alice, _ = real_pair
    links = []
    for make in MAKES:
        assert 0 == alice.run(make, "exec", "-quiet", "bob", "cap", stdin=b"x").status
        links.append(
            sorted((path.name, str(path.readlink())) for path in alice.spool.iterdir() if path.is_symlink())
        )
        for path in list(alice.spool.iterdir()):
            if path.is_symlink():
                path.unlink()
    assert links[0] == links[1]
