"""Loading plugins: the core's own, then those that the configuration enables.

What is wrong with one is kept beside its name; whether that stops anything is not decided here.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import pluggy

from gateway import entrypoints, hookspecs
from gateway.config.model import OWN_PLUGINS

if TYPE_CHECKING:
    from pluggy import HookimplOpts, HookspecOpts

    from gateway.config.model import Config

__all__ = ["CRASHES", "DEFAULTS", "HOOKS", "Loaded", "Plugins", "is_marked", "look_like_hooks"]

DEFAULTS = ("raw", "command", "maildir", "smtp", "routes", "eventlog", "journal")
"""The core's own plugins, in `gateway.defaults`; they are asked after everybody else's."""
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("gateway_")}
"""Every hook there is, as it is specified."""
CRASHES = (Exception, SystemExit)
"""What a plugin may raise without ending the process."""


class Loaded(NamedTuple):
    """One enabled plugin: its name, where it comes from, and what is wrong with it, if anything."""

    name: str
    origin: str
    plugin: object | None
    error: str = ""


class _Manager(pluggy.PluginManager):
    """pluggy's manager; what a module has without a mark is passed over at once.

    pluggy looks at everything in a module with the care that the properties of an object
    need; a module has none, and there are hundreds of names.
    """

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        """Return how a hook is implemented, or None."""
        return (
            super().parse_hookimpl_opts(plugin, name) if self._may_be_marked(plugin, name, "impl") else None
        )

    def parse_hookspec_opts(self, module_or_class: ModuleType | type, name: str) -> HookspecOpts | None:
        """Return how a hook is specified, or None."""
        if not self._may_be_marked(module_or_class, name, "spec"):
            return None
        return super().parse_hookspec_opts(module_or_class, name)

    def _may_be_marked(self, holder: object, name: str, kind: str) -> bool:
        return type(holder) is not ModuleType or hasattr(
            holder.__dict__.get(name), f"{self.project_name}_{kind}"
        )


class Plugins:
    """The enabled plugins of one configuration, `loaded` in the order in which they were registered.

    Loading never raises: `unsound` are those with which something is wrong. `for_mta` says that an MTA
    reads our stderr.
    """

    def __init__(self, config: Config, *, for_mta: bool) -> None:
        self._manager = _Manager(entrypoints.GROUP)
        self._manager.add_hookspecs(hookspecs)
        if os.environ.get("GATEWAY_TRACE"):
            from gateway.hooktrace import watch  # noqa: PLC0415 - for the authors of plugins

            watch(self._manager, for_mta=for_mta)
        self._callers: dict[str, dict[str, pluggy.HookCaller]] = {}
        self.loaded = [self._register(name, f"gateway.defaults.{name}", "gateway") for name in DEFAULTS]
        self.loaded += [self._load(name, entry) for name, entry in _enabled(config)]
        self.unsound = [loaded for loaded in self.loaded if loaded.plugin is None]

    def join(self, name: str, plugin: object) -> None:
        """Add a plugin of this process's own, which no configuration names."""
        self._manager.register(plugin, name)
        self.loaded.append(Loaded(name, "gateway", plugin))
        self._callers.clear()

    def callers(self, hook: str) -> dict[str, pluggy.HookCaller]:
        """Return what calls a hook in one plugin only, by name, for each plugin that implements it."""
        if hook not in self._callers:
            found = {one.name: self._caller(hook, one) for one in self.loaded if one.plugin is not None}
            self._callers[hook] = {name: caller for name, caller in found.items() if caller.get_hookimpls()}
        return self._callers[hook]

    def _caller(self, hook: str, loaded: Loaded) -> pluggy.HookCaller:
        others = [o.plugin for o in self.loaded if o is not loaded and o.plugin is not None]
        return self._manager.subset_hook_caller(hook, others)

    def hooks_of(self, loaded: Loaded) -> list[str]:
        """Return the names of the hooks a plugin implements."""
        callers = self._manager.get_hookcallers(loaded.plugin) if loaded.plugin is not None else None
        return sorted(caller.name for caller in callers or ())

    def _load(self, name: str, entry: entrypoints.EntryPoint | None) -> Loaded:
        if entry is None:
            error = f"not installed: no distribution offers it in the entry-point group {entrypoints.GROUP!r}"
            return Loaded(name, "", None, f"{error}; install it or take it out of `plugins`")
        return self._register(name, entry.target, entry.origin)

    def _register(self, name: str, target: str, origin: str) -> Loaded:
        module, _, attribute = target.partition(":")
        try:
            plugin: object = importlib.import_module(module)
            for part in filter(None, attribute.split(".")):
                plugin = getattr(plugin, part)
            misspelt = _misspelt(plugin)
            if misspelt:
                return Loaded(name, origin, None, misspelt)
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except CRASHES as crash:  # a plugin may fail in any way; whoever needs it will say so
            # Registering stops at the first wrong hook and leaves those before it behind.
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            return Loaded(name, origin, None, f"{type(crash).__name__}: {crash}")
        return Loaded(name, origin, plugin)


def _enabled(config: Config) -> Iterator[tuple[str, entrypoints.EntryPoint | None]]:
    """Yield each enabled name with its entry point; None where nobody offers it."""
    offered: dict[str, entrypoints.EntryPoint] = {}
    for entry in entrypoints.installed():
        offered.setdefault(entry.name, entry)
    if config.plugins is None:
        yield from ((name, offered[name]) for name in OWN_PLUGINS if name in offered)
    else:
        yield from ((name, offered.get(name)) for name in config.plugins)


def look_like_hooks(plugin: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield what is named as our hooks are, whether there is such a hook or not."""
    for name in dir(plugin):
        if name.startswith("gateway_"):
            value = getattr(plugin, name, None)
            if callable(value) and not isinstance(value, ModuleType):
                yield name, value


def is_marked(hook: object) -> bool:
    """Return whether a function has ``@hookimpl`` in front of it."""
    return hasattr(hook, f"{entrypoints.GROUP}_impl")


def _misspelt(plugin: object) -> str:
    """Say which function looks like a hook of ours but is not known or not marked."""
    for name, hook in look_like_hooks(plugin):
        if name not in HOOKS:
            return f"unknown hook {name}: known are {', '.join(sorted(HOOKS))}"
        if not is_marked(hook):
            return f"{name} is not marked: put @hookimpl in front of it"
    return ""
