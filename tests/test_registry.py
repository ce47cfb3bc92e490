from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import click
import pytest

from gateway import entrypoints
from gateway.config.model import Config
from gateway.entrypoints import EntryPoint
from gateway.errors import GatewayError, Interrupted, PluginError, Refused, UnknownNode
from gateway.hookspecs import hookimpl
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mta import Event, EventKind
from gateway.registry import Registry

ENVELOPE = Envelope(ReversePath.parse("a@a.example"), (Recipient.parse("b@b.example"),))
CONFIG = Config(
    "gateway.toml",
    "toml",
    "/nowhere",
    None,
    {},
    routes={"b.example": "table"},
    plugin={"journal": {"enabled": False}},
)
Enabled = Callable[..., Registry]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def enabled(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Enabled:
    """A registry whose plugins one, two, ... have one hook each."""

    def make(*hooks: Callable[..., object]) -> Registry:
        names = ("one", "two", "three")[: len(hooks)]
        for name, hook in zip(names, hooks, strict=True):
            module = ModuleType(f"plugin_{name}")
            setattr(module, hook.__name__, hookimpl(hook))
            monkeypatch.setitem(sys.modules, module.__name__, module)
        offered = [EntryPoint(name, f"plugin_{name}", f"{name}-1.0") for name in names]
        monkeypatch.setattr(entrypoints, "installed", lambda: iter(offered))
        return Registry(CONFIG._replace(plugins=names), report=said.append)

    return make


def routing(answer: object) -> Callable[..., object]:
    def gateway_route() -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return gateway_route


def checking(refusal: BaseException | None) -> Callable[..., None]:
    def gateway_check_submission() -> None:
        if refusal is not None:
            raise refusal

    return gateway_check_submission


def noting(heard: list[str], name: str, crash: BaseException | None = None) -> Callable[..., None]:
    def gateway_event(event: Event) -> None:
        heard.append(name)
        if crash is not None:
            raise crash

    return gateway_event


def test_the_plugin_enabled_last_routes_first(enabled: Enabled) -> None:
    assert "second" == enabled(routing("first"), routing("second")).route(ENVELOPE)


def test_a_plugin_that_passes_leaves_it_to_the_next_and_in_the_end_to_the_table(enabled: Enabled) -> None:
    assert "first" == enabled(routing("first"), routing(None)).route(ENVELOPE)
    assert "table" == enabled(routing(None), routing(None)).route(ENVELOPE)


def test_without_any_answer_the_failure_names_the_recipient_and_the_file(enabled: Enabled) -> None:
    registry = enabled()
    stranger = Envelope(ENVELOPE.sender, (Recipient.parse("x@elsewhere.example"),))
    with pytest.raises(UnknownNode, match=r"x@elsewhere\.example.*\[routes\] in gateway\.toml"):
        registry.route(stranger)


@pytest.mark.parametrize("answer", [7, ["first"], "", RuntimeError("boom"), SystemExit(0), Refused("no")])
def test_an_answer_that_is_no_node_names_the_plugin(enabled: Enabled, answer: object) -> None:
    with pytest.raises(PluginError, match=r"^plugin two: "):
        enabled(routing("first"), routing(answer)).route(ENVELOPE)


def test_a_refusal_of_a_check_passes_as_it_is(enabled: Enabled) -> None:
    with pytest.raises(Refused, match=r"^no$"):
        enabled(checking(None), checking(Refused("no"))).check_submission(ENVELOPE, "b")


def test_any_other_failure_of_a_check_names_the_plugin(enabled: Enabled) -> None:
    with pytest.raises(PluginError, match=r"^plugin one: gateway_check_submission raised KeyError: 'x'"):
        enabled(checking(KeyError("x")), checking(None)).check_submission(ENVELOPE, "b")


def test_our_own_deadline_is_not_blamed_on_a_plugin(enabled: Enabled) -> None:
    with pytest.raises(Interrupted):
        enabled(checking(Interrupted("SIGTERM received"))).check_submission(ENVELOPE, "b")


def test_an_event_reaches_everybody_whatever_the_first_one_does(enabled: Enabled, said: list[str]) -> None:
    heard: list[str] = []
    registry = enabled(noting(heard, "one", ValueError("boom")), noting(heard, "two"))
    registry.event(Event(EventKind.HELD, "P", "b"))
    assert (["one", "two"], ["plugin one: gateway_event raised ValueError: boom"]) == (sorted(heard), said)


def test_a_failure_in_words_is_passed_on_in_them(enabled: Enabled, said: list[str]) -> None:
    enabled(noting([], "one", GatewayError("log /x: full"))).event(Event(EventKind.HELD, "P", "b"))
    assert ["plugin one: log /x: full"] == said


def test_a_broken_command_does_not_take_the_others_away(enabled: Enabled, said: list[str]) -> None:
    def gateway_register_commands(group: click.Group) -> None:
        raise RuntimeError("boom")

    registry = enabled(gateway_register_commands)
    registry.add_commands(click.Group())
    assert ["plugin one: gateway_register_commands raised RuntimeError: boom"] == said


def test_two_egresses_of_one_name_are_an_error_that_names_both(enabled: Enabled) -> None:
    class Twin:
        name, handles = "twin", ()

        def deliver(self, deliveries: object) -> Iterator[object]:
            yield from ()

    def gateway_register_egress() -> Twin:
        return Twin()

    with pytest.raises(PluginError, match=r"egress 'twin' is brought twice"):
        enabled(gateway_register_egress, gateway_register_egress).egress("twin")


def test_a_missing_plugin_is_said_when_it_is_needed_and_not_before(said: list[str]) -> None:
    registry = Registry(CONFIG._replace(plugins=("ghost",)), report=said.append)
    assert [] == said
    with pytest.raises(PluginError, match=r"^plugin ghost: not installed"):
        registry.ingress_for("rsmtp")
