"""Run as root we become the spool's owner; the calls are recorded, since tests need not be root."""

from __future__ import annotations

import os
import pwd
from types import SimpleNamespace

import pytest

from gateway.config.model import Config
from gateway.engine import ground
from gateway.errors import SpoolError
from gateway.pipe import alone
from tests.engine.parties import Party


class Root:
    """A process of root's that looks at a spool of somebody else's, and what it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, uid: int, named: bool = True) -> None:
        self.done: list[tuple[object, ...]] = []
        for call in ("initgroups", "setgroups", "setgid", "setuid"):
            monkeypatch.setattr(os, call, lambda *words, call=call: self.done.append((call, *words)))
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        found = SimpleNamespace(st_uid=uid, st_gid=8)
        monkeypatch.setattr(os, "stat", lambda path: found)

        def name(number: int) -> object:
            if not named:
                raise KeyError(number)
            return SimpleNamespace(pw_name="gateway")

        monkeypatch.setattr(pwd, "getpwuid", name)


CONFIG = Config("gateway.toml", "toml", "/spool", None, {}, umask=None)


@pytest.mark.parametrize(
    ("named", "groups"), [(True, ("initgroups", "gateway", 8)), (False, ("setgroups", []))]
)
def test_groups_go_first_and_the_user_last(
    monkeypatch: pytest.MonkeyPatch, named: bool, groups: tuple[object, ...]
) -> None:
    root = Root(monkeypatch, uid=7, named=named)
    ground.open_spool(CONFIG)
    assert [groups, ("setgid", 8), ("setuid", 7)] == root.done


def test_a_spool_of_roots_is_worked_on_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(monkeypatch, uid=0)
    ground.open_spool(CONFIG)
    assert [] == root.done


def test_nobody_goes_on_as_root_when_the_owner_cannot_be_become(monkeypatch: pytest.MonkeyPatch) -> None:
    Root(monkeypatch, uid=7)

    def refused(number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setuid", refused)
    with pytest.raises(SpoolError, match=r"owner \(uid 7\) of the spool /spool: Operation not permitted"):
        ground.open_spool(CONFIG)


def test_no_plugin_is_loaded_before(monkeypatch: pytest.MonkeyPatch, alice: Party, bob: Party) -> None:
    order: list[str] = []

    def opened(config: Config) -> None:
        order.append("owner")

    class Stop(Exception):
        pass

    def loaded(config: Config, **options: object) -> None:
        order.append("plugins")
        raise Stop

    monkeypatch.setattr(alone.packaging, "config_of", lambda given: alice.config)
    monkeypatch.setattr(alone, "open_spool", opened)
    monkeypatch.setattr(alone, "Registry", loaded)
    with pytest.raises(Stop):
        alone.run("exec", ["bob", "rsmtp"], {}, None)  # type: ignore[arg-type]
    assert ["owner", "plugins"] == order
