"""``gateway plugin``: what is installed, what of it is enabled, and what it brings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from gateway import entrypoints
from gateway.cli import Group, Setting
from gateway.config.model import NO_CONFIG
from gateway.errors import EX_FAILURE, EX_OK, ConfigError, PluginError
from gateway.registry import DEFAULTS, Loaded, Registry

if TYPE_CHECKING:
    from gateway.config.model import Config


@click.group("plugin", cls=Group)
def command() -> None:
    """Show the installed plugins, and check those that the configuration enables."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@click.pass_obj
def list_(setting: Setting, *, as_json: bool) -> None:
    """List all plugins: the core's own, the enabled, and those that are only installed."""
    registry = Registry(_config(setting), report=setting.say)
    for facts in describe(registry):
        click.echo(json.dumps(facts) if as_json else _page(facts))


@command.command("check")
@click.pass_obj
def check(setting: Setting) -> int:
    """Load every enabled plugin, ask what it brings, and say what is wrong.

    Status 0 when all are sound, else 1.
    """
    registry = Registry(_config(setting), report=setting.say)
    described = list(describe(registry))
    troubles = [f"plugin {facts['name']}: {facts['error']}" for facts in described if facts["error"]]
    for collect in () if troubles else (registry.ingresses, registry.egresses):
        try:
            collect()
        except PluginError as clash:
            troubles.append(str(clash))
    for trouble in troubles:
        setting.say(trouble)
    if troubles:
        return EX_FAILURE
    if not setting.quiet:
        click.echo(f"{sum(bool(facts['enabled']) for facts in described)} plugins, all sound")
    return EX_OK


def describe(registry: Registry) -> Iterator[dict[str, object]]:
    """Yield what there is to say of every plugin; `error` is empty for a sound one."""
    for loaded in registry.loaded:
        yield _describe_loaded(registry, loaded)
    here = {loaded.name for loaded in registry.loaded}
    for entry in entrypoints.installed():
        if entry.name not in here:
            here.add(entry.name)
            yield _facts(entry.name, entry.origin, enabled=False)


def _describe_loaded(registry: Registry, loaded: Loaded) -> dict[str, object]:
    facts = _facts(loaded.name, loaded.origin, enabled=True)
    facts["hooks"] = registry.hooks_of(loaded)
    try:
        ingresses, egresses = registry.brings(loaded)
    except PluginError as broken:
        return facts | {"error": str(broken).removeprefix(f"plugin {loaded.name}: ")}
    return facts | {
        "ingresses": [{"name": i.name, "form": i.form, "handles": list(i.handles)} for i in ingresses],
        "egresses": [{"name": e.name, "handles": list(e.handles)} for e in egresses],
    }


def _facts(name: str, origin: str, *, enabled: bool) -> dict[str, object]:
    built_in = name in DEFAULTS
    distribution, _, number = (
        ("mailgateway", "", version("mailgateway")) if built_in else origin.rpartition("-")
    )
    return {
        "name": name,
        "version": number,
        "origin": distribution,
        "built_in": built_in,
        "enabled": enabled,
        "error": "",
        "hooks": [],
        "ingresses": [],
        "egresses": [],
    }


def _page(facts: dict[str, object]) -> str:
    state = "built in" if facts["built_in"] else "enabled" if facts["enabled"] else "installed, not enabled"
    source = f"{facts['origin']} {facts['version']}, " if facts["origin"] else ""
    lines = [f"{facts['name']}  ({source}{state})"]
    if facts["error"]:
        lines.append(f"  broken   {facts['error']}")
    hooks = facts["hooks"]
    assert isinstance(hooks, list)
    if hooks:
        lines.append(f"  hooks    {', '.join(hooks)}")
    for kind in ("ingress", "egress"):
        things = facts[f"{kind}es"]
        assert isinstance(things, list)
        lines += [f"  {kind:7}  {thing['name']}{_handles(thing['handles'])}" for thing in things]
    return "\n".join(lines)


def _handles(handles: Sequence[str]) -> str:
    return f" (handle {', '.join(handles)})" if handles else ""


def _config(setting: Setting) -> Config:
    """Return the configuration, or where there is none an empty one, which enables our own plugins."""
    try:
        return setting.config()
    except ConfigError:
        setting.say("no configuration that can be used (gateway config check): as if none named any plugins")
        return NO_CONFIG
