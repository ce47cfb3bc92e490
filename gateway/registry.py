"""Calling the hooks of plugins: a typed face over pluggy.

Every hook of `gateway.hookspecs` has one method here. A plugin that is missing, cannot be
imported, misspells a hook or raises becomes a `PluginError` that begins with its name.
"""

from __future__ import annotations

from _thread import RLock  # `threading` is loaded nowhere else on the pipe path
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from gateway.config.model import NO_CONFIG
from gateway.errors import GatewayError, Interrupted, PluginError, Refused, UnknownNode
from gateway.loading import CRASHES, Loaded, Plugins

if TYPE_CHECKING:
    import click

    from gateway.config.model import Config
    from gateway.mail.envelope import Envelope
    from gateway.mta import Delivery, Egress, Event, Finding, Ingress

_CHECKS = frozenset({"gateway_check_submission", "gateway_check_delivery"})
"""The hooks whose `Refused` is an answer; from any other it is a failure like all others."""

_Thing = TypeVar("_Thing", "Ingress", "Egress")

_INGRESS = ("name", "handles", "form", "read")
_EGRESS = ("name", "handles", "deliver")


class Registry:
    """The enabled plugins of one configuration.

    Loading never raises: what is wrong with a plugin is kept in `loaded`, and raised by the
    method that would have needed all plugins. `report` gets the complaints that stop nothing.
    `for_mta` says that an MTA reads our stderr.
    """

    def __init__(self, config: Config, *, report: Callable[[str], None], for_mta: bool = False) -> None:
        self._config = config
        self._report = report
        self._plugins = Plugins(config, for_mta=for_mta)
        self.loaded = self._plugins.loaded
        self._ingresses: list[Ingress] | None = None
        self._egresses: list[Egress] | None = None
        self._telling = RLock()
        self._asking = RLock()

    def join(self, name: str, plugin: object) -> None:
        """Add a plugin of this process's own, which no configuration names."""
        self._plugins.join(name, plugin)

    def ingress(self, name: str) -> Ingress:
        """Return the ingress of that name.

        Raises:
            PluginError: temporary; there is none, or a plugin that may bring it is broken.
        """
        return self._named("ingress", name, self.ingresses())

    def ingress_for(self, handle: str) -> Ingress:
        """Return the ingress that claims a handle, or the raw one.

        Raises:
            PluginError: temporary; a plugin that may claim it is broken.
        """
        for ingress in self.ingresses():
            if handle in ingress.handles:
                return ingress
        return self.ingress("raw")

    def egress(self, name: str) -> Egress:
        """Return the egress of that name.

        Raises:
            PluginError: temporary; there is none, or a plugin that may bring it is broken.
        """
        return self._named("egress", name, self.egresses())

    def ingresses(self) -> Sequence[Ingress]:
        """Return every ingress; raises `PluginError` (temporary) for a broken plugin."""
        with self._asking:
            if self._ingresses is None:
                found = cast("list[Ingress]", self._brought("gateway_register_ingress", _INGRESS))
                _no_duplicates("ingress", found)
                self._ingresses = found
            return self._ingresses

    def egresses(self) -> Sequence[Egress]:
        """Return every egress; raises `PluginError` (temporary) for a broken plugin."""
        if self._egresses is None:
            found = self._brought("gateway_register_egress", _EGRESS)
            self._egresses = cast("list[Egress]", found)
            _no_duplicates("egress", self._egresses)
        return self._egresses

    def route(self, envelope: Envelope) -> str:
        """Return the node for an envelope of one recipient.

        Raises:
            UnknownNode: temporary; no plugin and no route knows it.
            PluginError: temporary; a plugin is broken, or answers with something else.
        """
        with self._asking:
            for name, node in self._each("gateway_route", envelope=envelope, config=self._config):
                if not isinstance(node, str) or not node:
                    msg = f"plugin {name}: gateway_route returned {node!r}, not the name of a node"
                    raise PluginError(msg)
                return node
        recipient, path = envelope.recipients[0], self._config.path
        msg = f'no route for {recipient}: add its domain or "*" to [routes] in {path}'
        raise UnknownNode(msg)

    def check_submission(self, envelope: Envelope, node: str) -> None:
        """Ask every plugin; raises `Refused` (permanent) or `PluginError` (temporary)."""
        with self._asking:
            for _ in self._each("gateway_check_submission", envelope=envelope, node=node):
                pass

    def check_delivery(self, delivery: Delivery) -> None:
        """Ask every plugin; raises `Refused` (permanent) or `PluginError` (temporary)."""
        for _ in self._each("gateway_check_delivery", delivery=delivery):
            pass

    def event(self, event: Event) -> None:
        """Tell every plugin; a failure is reported and hinders nobody.

        One event after the other, from whatever threads they come.
        """
        with self._telling:
            for name, caller in self._plugins.callers("gateway_event").items():
                try:
                    caller(event=event, config=self._config)
                except Interrupted:
                    raise
                except CRASHES as crash:  # it happened already: nothing can undo it
                    self._report(str(_crashed("gateway_event", name, crash)))

    def examine(self, loaded: Loaded, user: str) -> list[Finding]:
        """Return what one plugin finds of its MTA; `user` is who delivers.

        Raises:
            PluginError: temporary; this plugin is broken.
        """
        _sound(loaded)
        answer = self._asked("gateway_examine", loaded.name, config=self._config, user=user)
        try:
            return list(cast("Iterable[Finding]", answer or ()))
        except CRASHES as crash:  # a generator does its work only now
            raise _crashed("gateway_examine", loaded.name, crash) from crash

    def add_commands(self, group: click.Group) -> None:
        """Let every sound plugin add its operator commands; a failure is reported."""
        for loaded in self.loaded:
            if loaded.plugin is None:
                self._report(f"plugin {loaded.name}: {loaded.error}")
                continue
            try:
                self._one("gateway_register_commands", loaded.name, group=group)
            except CRASHES as crash:  # one broken plugin must not take the others' commands away
                self._report(str(_crashed("gateway_register_commands", loaded.name, crash)))

    def hooks_of(self, loaded: Loaded) -> list[str]:
        """Return the names of the hooks a plugin implements."""
        return self._plugins.hooks_of(loaded)

    def brings(self, loaded: Loaded) -> tuple[list[Ingress], list[Egress]]:
        """Return the ingresses and egresses of one plugin, whatever is wrong with the others.

        Raises:
            PluginError: temporary; this plugin is broken.
        """
        _sound(loaded)
        ingresses = self._brought_by(loaded, "gateway_register_ingress", _INGRESS)
        egresses = self._brought_by(loaded, "gateway_register_egress", _EGRESS)
        return cast("list[Ingress]", ingresses), cast("list[Egress]", egresses)

    def _named(self, kind: str, name: str, things: Sequence[_Thing]) -> _Thing:
        for thing in things:
            if thing.name == name:
                return thing
        known = ", ".join(sorted(thing.name for thing in things))
        msg = f"no {kind} {name!r}: known are {known}; is its plugin in `plugins` of {self._config.path}?"
        raise PluginError(msg)

    def _brought(self, hook: str, needed: Sequence[str]) -> list[object]:
        self._all_sound()
        return [thing for loaded in reversed(self.loaded) for thing in self._brought_by(loaded, hook, needed)]

    def _brought_by(self, loaded: Loaded, hook: str, needed: Sequence[str]) -> list[object]:
        answer = self._asked(hook, loaded.name, config=self._config)
        things = [] if answer is None else answer if isinstance(answer, (list, tuple)) else [answer]
        for thing in things:
            missing = [attribute for attribute in needed if not hasattr(thing, attribute)]
            if missing:
                msg = f"plugin {loaded.name}: {hook} returned {thing!r} without {' and '.join(missing)}"
                raise PluginError(msg)
        return list(things)

    def _each(self, hook: str, **arguments: object) -> Iterator[tuple[str, object]]:
        """Call a hook in one plugin after the other, the last registered first, naming the culprit."""
        self._all_sound()
        for name in reversed(self._plugins.callers(hook)):
            answer = self._asked(hook, name, **arguments)
            if answer is not None:
                yield name, answer

    def _asked(self, hook: str, name: str, **arguments: object) -> object:
        """Call a hook in one plugin; a failure of its own becomes a PluginError with its name."""
        try:
            return self._one(hook, name, **arguments)
        except (PluginError, Interrupted):
            raise
        except GatewayError as failure:
            if isinstance(failure, Refused) and hook in _CHECKS:
                raise
            raise _crashed(hook, name, failure) from failure
        except CRASHES as crash:
            raise _crashed(hook, name, crash) from crash

    def _one(self, hook: str, name: str, **arguments: object) -> object:
        caller = self._plugins.callers(hook).get(name)
        if caller is None:
            return None
        answer = caller(**arguments)
        if caller.spec is not None and caller.spec.opts["firstresult"]:
            return answer
        return answer[0] if answer else None

    def _all_sound(self) -> None:
        for loaded in self._plugins.unsound:
            _sound(loaded)


def add_commands(group: click.Group, config: Config | None, *, report: Callable[[str], None]) -> None:
    """Add the commands of the enabled plugins, or of our own ones where there is no configuration."""
    if config is None:
        config = NO_CONFIG
    Registry(config, report=report).add_commands(group)


def _sound(loaded: Loaded) -> None:
    if loaded.plugin is None:
        msg = f"plugin {loaded.name}: {loaded.error}"
        raise PluginError(msg)


def _no_duplicates(kind: str, things: Sequence[Ingress] | Sequence[Egress]) -> None:
    names: dict[str, str] = {}
    for thing in things:
        key = thing.name
        if key in names:
            msg = f"{kind} {key!r} is brought twice: by {names[key]} and by {type(thing).__module__}"
            raise PluginError(msg)
        names[key] = type(thing).__module__


def _crashed(hook: str, name: str, crash: BaseException) -> PluginError:
    if isinstance(crash, GatewayError):  # in words for people already
        return PluginError(f"plugin {name}: {crash}")
    return PluginError(f"plugin {name}: {hook} raised {type(crash).__name__}: {crash}")
