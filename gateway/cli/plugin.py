"""``gateway plugin``: what is installed, what of it is enabled, and what it brings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from gateway import entrypoints
from gateway.cli import Group, Setting
from gateway.cli.names import PLUGIN
from gateway.config.model import NO_CONFIG, OWN_PLUGINS
from gateway.errors import EX_FAILURE, EX_OK, ConfigError, PluginError
from gateway.loading import DEFAULTS, Loaded
from gateway.registry import Registry

if TYPE_CHECKING:
    from gateway.config.model import Config


@click.group("plugin", cls=Group)
def command() -> None:
    """Show the installed plugins, check them, begin a new one."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@click.pass_obj
def list_(setting: Setting, *, as_json: bool) -> None:
    """List all plugins: the core's own, the enabled, and those that are only installed."""
    registry = Registry(_config(setting), report=setting.say)
    for facts in describe(registry):
        click.echo(json.dumps(facts) if as_json else _page(facts))


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line for what was found")
@click.argument("name", type=PLUGIN, required=False)
@click.pass_obj
def check(setting: Setting, name: str | None, *, as_json: bool) -> int:
    """Load every enabled plugin, or the one named, and say what is wrong.

    Looks at the names and arguments of its hooks, at what it brings, at what others bring too, and
    at what it imports. Status 0 when all are sound, with warnings too, else 1.
    """
    from gateway.cli.plugin_check import check as findings  # noqa: PLC0415 - for this command only

    config = _config(setting)
    if name is not None and name not in DEFAULTS:
        enabled = OWN_PLUGINS if config.plugins is None else config.plugins
        installed = {entry.name for entry in entrypoints.installed()}
        wanted = [other for other in enabled if other != name and other in installed]
        config = config._replace(plugins=(*wanted, name))
    registry = Registry(config, report=setting.say)
    names = frozenset([name] if name else [loaded.name for loaded in registry.loaded])
    found = list(findings(registry, names))
    for finding in found:
        if as_json:
            click.echo(json.dumps(finding._asdict()))
        else:
            setting.say(f"{'' if finding.mistake else 'warning: '}plugin {finding.plugin}: {finding.text}")
    if any(finding.mistake for finding in found):
        return EX_FAILURE
    if not setting.quiet and not as_json:
        click.echo(f"{name} is sound" if name else f"{len(names)} plugins, all sound")
    return EX_OK


@command.command("new")
@click.option("--ingress/--no-ingress", default=True, help="mail in: a reader of what an MTA writes")
@click.option("--egress/--no-egress", default=True, help="mail out: a way into an MTA")
@click.option("--directory", metavar="DIR", help="the folder to make  [default: gateway-NAME, here]")
@click.argument("name")
@click.pass_obj
def new(setting: Setting, name: str, directory: str | None, *, ingress: bool, egress: bool) -> int:
    """Write a small repository for a plugin: code, packaging, tests that pass."""
    from gateway.cli.plugin_new import Plan, write  # noqa: PLC0415 - for this command only

    plan = Plan(name, ingress=ingress, egress=egress).checked()
    folder = directory or plan.distribution
    try:
        written = write(plan, folder)
    except FileExistsError:
        setting.say(f"{folder} exists already; nothing was written")
        return EX_FAILURE
    for path in written:
        click.echo(path)
    if not setting.quiet:
        setting.say(f"next: cd {folder} && pip install -e '.[test]' && pytest")
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
