from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load, nncp
from gateway.config.advice import warnings
from gateway.config.model import Accept, Config, Handle, Serve
from tests.config.files import ALICE, BOB, TRICKY, VECTORS, ours


def about(config: Config) -> list[str]:
    """Return the warnings without those on the key file, whose mode the checkout decides."""
    return [line.removeprefix(f"{config.path}: ") for line in warnings(config) if "private keys" not in line]


def test_a_sound_configuration_has_none() -> None:
    assert [] == about(ALICE)


def test_an_id_that_is_no_hash_is_only_odd() -> None:
    hub = ALICE.neighbours["hub"]._replace(id=bytes(32))
    config = ALICE._replace(neighbours={**ALICE.neighbours, "hub": hub})
    assert ["neigh.hub.id"] == [line.split(":")[0] for line in about(config)]


def test_the_same_id_twice_and_ways_in_circles_are_odd() -> None:
    twin = BOB._replace(name="twin", via=("bob",))
    bob = BOB._replace(via=("twin", "self"))
    config = ALICE._replace(neighbours={**ALICE.neighbours, "bob": bob, "twin": twin})
    assert ["neigh.bob.via", "neigh.bob.via", "neigh.twin.id", "neigh.twin.via"] == [
        line.split(":")[0] for line in about(config)
    ]


def test_keys_that_do_not_belong_together() -> None:
    assert ALICE.identity is not None
    other = ALICE.identity._replace(signprv=bytes(64), exchprv=bytes(32), noiseprv=bytes(32), id=bytes(32))
    assert ["self.signprv", "self.exchprv", "self.noiseprv", "neigh.self.id"] == [
        line.split(":")[0] for line in about(ALICE._replace(identity=other))
    ]


def test_a_configuration_without_our_keys() -> None:
    assert ["self"] == [line.split(":")[0] for line in about(ALICE._replace(identity=None))]


def test_unknown_keys_of_nncps_file_and_programs_without_a_path() -> None:
    config = load(str(TRICKY), environ={})
    assert ["unknown-key", 'neigh."quoted name".via'] == sorted(
        (line.split(":")[0] for line in about(config)), reverse=True
    )
    text = (VECTORS / "nodes" / "alice" / "nncp.hjson").read_text().replace("/usr/sbin/", "")
    assert {"neigh.self.exec.sendmail", "neigh.hub.exec.sendmail", "neigh.bob.exec.sendmail"} == {
        line.split(":")[0] for line in about(nncp.read(text, "nncp.hjson"))
    }


def test_a_table_for_a_plugin_that_is_not_loaded() -> None:
    config = ALICE._replace(plugins=("exim",), plugin={"exim": {}, "exom": {}})
    assert ["plugin.exom: nobody reads it, since `plugins` does not name exom"] == about(config)


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ('[serve]\nsubmit = "/run/s"\n', True),
        ('[serve]\nsubmit = """/run/s"""\n', False),
        ('[serve]\nsubmit = "/run/\\u0073"\n', False),
        ("", False),
    ],
)
def test_a_socket_that_pipe_commands_do_not_see(tmp_path: Path, lines: str, seen: bool) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'spool = "/var/spool/gateway"\n{lines}')
    config = ALICE._replace(path=str(path), serve=Serve(jobs=4, submit="/run/s"))
    assert ([] if seen else ["serve.submit"]) == [line.split(":")[0] for line in about(config)]


def test_a_file_that_went_away_is_nobodys_mistake(tmp_path: Path) -> None:
    config = ALICE._replace(path=str(tmp_path / "gone"), serve=Serve(submit="/run/s"))
    assert [] == about(config)


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, ""), (0o640, ""), (0o644, "chmod o-rw"), (0o660, "chmod g-w")]
)
def test_a_key_file_that_others_may_read(tmp_path: Path, mode: int, expected: str) -> None:
    ours(tmp_path)
    path = tmp_path / "gateway.toml"
    path.chmod(mode)
    found = warnings(load(str(path)))
    assert bool(expected) == bool(found)
    assert all(expected in line for line in found)


def test_key_files_of_a_directory(tmp_path: Path) -> None:
    from gateway.config.cfgdir import write
    from gateway.config.export import export

    write(str(tmp_path / "dir"), export(ALICE).tree)
    assert [] == warnings(load(str(tmp_path / "dir"), environ={}))
    (tmp_path / "dir" / "self" / "exchprv").chmod(0o644)
    assert 1 == len(warnings(load(str(tmp_path / "dir"), environ={})))


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        (Handle("rsmtp", "command", ("/usr/local/bin/wrapper",), "bsmtp"), []),
        (Handle("cap", "command", ("/bin/cat",), "raw"), ["neigh.bob.exec.cap"]),
        (Handle("rmail", "command", ("/usr/bin/rmail",), "rmail", "any"), ["neigh.bob.exec.rmail"]),
        (Handle("rmail", "command", ("/usr/bin/rmail",), "rmail", "recipients"), []),
        (Handle("rsmtp", "exim", ("/usr/sbin/sendmail", "-bS"), "bsmtp"), []),
    ],
)
def test_a_policy_that_a_program_is_beyond(handle: Handle, expected: list[str]) -> None:
    accept = Accept(recipients=("*@here.example",))
    bob = BOB._replace(handles={handle.name: handle}, accept=accept, via=())
    config = ALICE._replace(neighbours={**ALICE.neighbours, "bob": bob})
    assert expected == [line.split(":")[0] for line in about(config)]
    anything = ALICE._replace(neighbours={**ALICE.neighbours, "bob": bob._replace(accept=Accept())})
    assert [] == about(anything)
