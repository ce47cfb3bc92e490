"""What can be said of a plugin before any mail meets it: hooks, protocols, clashes, imports, their cost."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

from gateway import entrypoints
from gateway.config.mistakes import did_you_mean
from gateway.errors import PluginError
from gateway.loading import DEFAULTS, HOOKS, Loaded, is_marked, look_like_hooks
from gateway.registry import Registry

__all__ = ["Remark", "check"]

FORMS = ("bsmtp", "rmail", "sendmail", "raw")
LIMIT = 60.0
"""[s] For importing a plugin in an interpreter of its own."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_HANDLE = re.compile(r"[^\s/\0]+")
# What stands on the way of every message anyway, then the plugin, and what that has added.
_PROBE = """\
import importlib, sys, time
import gateway.pipe.alone
before, begin = set(sys.modules), time.perf_counter()
importlib.import_module(sys.argv[1])
print((time.perf_counter() - begin) * 1000, *set(sys.modules) - before)
"""


class Remark(NamedTuple):
    """One thing that a plugin's author should see; without `mistake` it works, but is hardly meant."""

    plugin: str
    text: str
    mistake: bool = True


def check(registry: Registry, names: frozenset[str]) -> Iterator[Remark]:
    """Yield what is wrong with the plugins of those names; the registry has all that are enabled."""
    targets = {entry.name: entry.target for entry in reversed(list(entrypoints.installed()))}
    claimed: dict[tuple[str, str], str] = {}
    for loaded in registry.loaded:
        found = list(_of_one(registry, loaded, targets.get(loaded.name, ""), claimed))
        if loaded.name in names:
            yield from (Remark(loaded.name, text, mistake) for text, mistake in found)


def _of_one(
    registry: Registry, loaded: Loaded, target: str, claimed: dict[tuple[str, str], str]
) -> Iterator[tuple[str, bool]]:
    if loaded.plugin is None:
        wrong = list(_of_hooks(_imported(target)))
        yield from ((text, True) for text in wrong or [_one_line(loaded.error)])
    else:
        try:
            ingresses, egresses = registry.brings(loaded)
        except PluginError as broken:
            yield str(broken).removeprefix(f"plugin {loaded.name}: "), True
        else:
            for ingress in ingresses:
                yield from ((text, True) for text in _of_ingress(ingress))
                yield from _clashes(loaded.name, "ingress", ingress.name, ingress.handles, claimed)
            for egress in egresses:
                yield from ((text, True) for text in _of_egress(egress))
                yield from _clashes(loaded.name, "egress", egress.name, (), claimed)
    module = sys.modules.get(target.partition(":")[0])
    if loaded.name not in DEFAULTS and module is not None:
        yield from ((text, True) for text in _deep_imports(module))
        if loaded.plugin is not None and getattr(module, "__file__", None):
            yield from ((text, False) for text in _cost(module.__name__))


def _imported(target: str) -> object:
    """Return what an entry point names, if it was imported already."""
    module, _, attribute = target.partition(":")
    found: object = sys.modules.get(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part, None)
    return found


def _one_line(text: str) -> str:
    return ": ".join(line.strip() for line in text.splitlines() if line.strip())


def _of_hooks(plugin: object) -> Iterator[str]:
    """Yield what is wrong with the hooks of a module or object, each with what may have been meant."""
    for name, hook in look_like_hooks(plugin):
        if name not in HOOKS:
            yield f"unknown hook {name}{did_you_mean(name, HOOKS)}"
            continue
        if not is_marked(hook):
            yield f"{name} is not marked: put @hookimpl in front of it"
        known = list(inspect.signature(HOOKS[name]).parameters)
        for argument in inspect.signature(hook).parameters:
            if argument not in known:
                near = did_you_mean(argument, known) or f"; it has {', '.join(known)}"
                yield f"{name} has no argument {argument}{near}"


def _of_ingress(ingress: object) -> Iterator[str]:
    name = getattr(ingress, "name", None)
    yield from _of_names("ingress", name, getattr(ingress, "handles", None))
    form = getattr(ingress, "form", None)
    if form not in FORMS:
        yield f"ingress {name}: form {form!r}: expected one of {', '.join(FORMS)}"
    yield from _callable(f"ingress {name}", ingress, "read", ("arguments", "stream", "environ"))


def _of_egress(egress: object) -> Iterator[str]:
    name = getattr(egress, "name", None)
    yield from _of_names("egress", name, getattr(egress, "handles", None))
    yield from _callable(f"egress {name}", egress, "deliver", ("deliveries",))
    if hasattr(egress, "check"):
        yield from _callable(f"egress {name}", egress, "check", ("handle", "options"))


def _of_names(kind: str, name: object, handles: object) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{kind} {name!r}: its name must be lower-case letters, digits, dashes"
    if not isinstance(handles, tuple) or not all(
        isinstance(h, str) and _HANDLE.fullmatch(h) for h in handles
    ):
        yield f"{kind} {name}: handles {handles!r}: expected a tuple of words"


def _callable(where: str, thing: object, method: str, arguments: tuple[str, ...]) -> Iterator[str]:
    call: Callable[..., object] | None = getattr(thing, method, None)
    if not callable(call):
        yield f"{where}: {method} is not a function"
        return
    try:
        inspect.signature(call).bind(*arguments)
    except TypeError as wrong:
        yield f"{where}: {method} must take ({', '.join(arguments)}): {wrong}"


def _clashes(
    plugin: str, kind: str, name: str, handles: tuple[str, ...], claimed: dict[tuple[str, str], str]
) -> Iterator[tuple[str, bool]]:
    """Yield what another plugin has too; of two that claim a handle, the one enabled last gets it."""
    other = claimed.setdefault((kind, name), plugin)
    if other != plugin:
        yield f"{kind} {name} is brought twice: the plugin {other} has one too", True
    for handle in handles:
        other = claimed.get(("handle", handle), plugin)
        claimed["handle", handle] = plugin
        if other != plugin:
            yield f"handle {handle} is claimed by {other} too; enabled last, {plugin} gets it", False


def _deep_imports(module: ModuleType) -> Iterator[str]:
    """Yield every import from below the front, by file and line."""
    file = getattr(module, "__file__", None)
    if file is None:
        return
    root = os.path.dirname(file)
    files = [file]
    if os.path.basename(file) == "__init__.py":
        files = sorted(os.path.join(at, name) for at, _, names in os.walk(root) for name in names)
    for path in filter(lambda path: path.endswith(".py"), files):
        where = os.path.relpath(path, os.path.dirname(root))
        with open(path, encoding="utf-8") as source:
            tree = ast.parse(source.read(), path)
        for line, name in sorted(_modules(tree)):
            if name.startswith("gateway."):
                yield f"{where}:{line}: imports {name}: only `from gateway import` will stay"


def _modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""


def _cost(module: str) -> Iterator[str]:
    """Yield what importing the plugin costs every message, if it loads more than itself."""
    path = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, module],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        yield f"what its import costs cannot be said: {failure}"
        return
    milliseconds, *loaded = done.stdout.split() or ["0"]
    own = module.partition(".")[0]
    others = sorted({name.partition(".")[0] for name in loaded} - {own, "gateway"})
    visible = [name for name in others if not name.startswith("_")]
    deeper = [name for name in loaded if name.startswith("gateway.")]
    if visible or deeper:
        what = ", ".join(visible + sorted(deeper))
        yield (
            f"importing it costs every message {float(milliseconds):.1f} ms, and loads {what}: "
            "import inside the functions that need it"
        )
