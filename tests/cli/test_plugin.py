"""`gateway plugin`, with plugins of this file standing in for installed ones."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable

import pytest

from gateway import cli, entrypoints, hookspecs, loading, registry
from gateway.cli import run_command
from gateway.config.model import Config

hookimpl = hookspecs.hookimpl


class Ingress:
    name, handles, form = "pigeon", ("coo",), "bsmtp"

    def read(self, *_: object) -> list[object]:
        return []


class Egress:
    name, handles = "loft", ()

    def deliver(self, _: object) -> list[object]:
        return []


def sound() -> types.ModuleType:
    module = types.ModuleType("sound")

    @hookimpl
    def gateway_register_ingress(config: object) -> Ingress:
        return Ingress()

    @hookimpl
    def gateway_register_egress() -> list[Egress]:
        return [Egress()]

    module.gateway_register_ingress = gateway_register_ingress  # type: ignore[attr-defined]
    module.gateway_register_egress = gateway_register_egress  # type: ignore[attr-defined]
    return module


def crashing() -> types.ModuleType:
    module = types.ModuleType("crashing")

    @hookimpl
    def gateway_register_egress() -> None:
        raise LookupError("no loft")

    module.gateway_register_egress = gateway_register_egress  # type: ignore[attr-defined]
    return module


def half_wrong() -> types.ModuleType:
    """One good hook, then one that asks for what no caller gives."""
    module = types.ModuleType("half_wrong")

    @hookimpl
    def gateway_event(event: object) -> None:
        raise AssertionError("a plugin that is not sound is never called")

    @hookimpl
    def gateway_route(envelope: object, moon: object) -> None: ...

    module.gateway_event = gateway_event  # type: ignore[attr-defined]
    module.gateway_route = gateway_route  # type: ignore[attr-defined]
    return module


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make plugins installed, and those in `enabled` the configured ones."""

    def install(enabled: list[str], **modules: types.ModuleType) -> None:
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, f"fake_{name}", module)
        entries = [
            entrypoints.EntryPoint(name, f"fake_{name}", f"{name}_mail-1.{len(name)}") for name in modules
        ]
        monkeypatch.setattr(entrypoints, "installed", lambda: iter(entries))
        monkeypatch.setattr(loading, "DEFAULTS", ())
        config = Config("gateway.toml", "toml", "/nowhere", None, {}, plugins=tuple(enabled))
        monkeypatch.setattr(cli.Setting, "config", lambda self: config)

    return install


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert 0 == run_command(["plugin", "list", "--json"], {})
    lines = capsys.readouterr().out.splitlines()
    return {facts["name"]: facts for facts in map(json.loads, lines)}


def test_list_says_what_a_plugin_is_and_brings(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(["sound"], sound=sound())
    assert {
        "name": "sound",
        "version": "1.5",
        "origin": "sound_mail",
        "built_in": False,
        "enabled": True,
        "error": "",
        "hooks": ["gateway_register_egress", "gateway_register_ingress"],
        "ingresses": [{"name": "pigeon", "form": "bsmtp", "handles": ["coo"]}],
        "egresses": [{"name": "loft", "handles": []}],
    } == listed(capsys)["sound"]


def test_list_shows_the_broken_and_goes_on(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(["missing", "crashing", "half", "sound"], sound=sound(), crashing=crashing(), half=half_wrong())
    found = listed(capsys)
    assert "not installed" in str(found["missing"]["error"])
    assert "LookupError: no loft" in str(found["crashing"]["error"])
    assert "moon" in str(found["half"]["error"])
    assert "" == found["sound"]["error"]
    assert found["sound"]["ingresses"]


def test_list_shows_what_is_installed_and_not_enabled_without_importing_it(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install([], sound=sound())
    monkeypatch.delitem(sys.modules, "fake_sound")
    found = listed(capsys)["sound"]
    assert (False, "") == (found["enabled"], found["error"])


def test_list_for_people(install: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    install(["sound", "missing"], sound=sound(), spare=sound())
    assert 0 == run_command(["plugin", "list"], {})
    out = capsys.readouterr().out
    assert "sound  (sound_mail 1.5, enabled)\n" in out
    assert "  ingress  pigeon (handle coo)\n" in out
    assert "  egress   loft\n" in out
    assert "  broken   not installed" in out
    assert "spare  (spare_mail 1.5, installed, not enabled)\n" in out


def test_check_is_content_with_sound_plugins(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(["sound"], sound=sound())
    assert 0 == run_command(["plugin", "check"], {})
    assert "1 plugins, all sound\n" == capsys.readouterr().out


def test_check_names_every_culprit(install: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    install(["missing", "crashing", "sound"], sound=sound(), crashing=crashing())
    assert 1 == run_command(["plugin", "check"], {})
    err = capsys.readouterr().err
    assert "plugin missing: not installed" in err
    assert "plugin crashing: gateway_register_egress raised LookupError: no loft" in err
    assert "plugin sound" not in err


def test_check_finds_two_plugins_that_bring_the_same(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(["sound", "again"], sound=sound(), again=sound())
    assert 1 == run_command(["plugin", "check"], {})
    assert "brought twice" in capsys.readouterr().err


def test_what_a_plugin_had_registered_before_it_proved_wrong_is_not_called(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(["half", "sound"], half=half_wrong(), sound=sound())
    config = cli.Setting().config()
    said: list[str] = []
    from gateway.mta import Event, EventKind

    registry.Registry(config, report=said.append).event(Event(kind=EventKind.SENT, packet="", node=""))
    assert [] == said
