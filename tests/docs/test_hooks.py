"""docs/hooks.md against the hooks themselves; its examples are loaded and called."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pluggy
import pytest
from click.testing import CliRunner

from gateway import hookspecs
from gateway.config.model import Config
from gateway.errors import Refused, Truncated
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message
from gateway.mta import Delivery, Event, EventKind, Verdict
from gateway.testing import EgressContract, IngressContract, Input, Mood
from tests.docs.pages import ROOT, blocks, marked, sections

PAGE = ROOT / "docs" / "hooks.md"
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("gateway_")}
CONFIG = Config("gateway.toml", "toml", "/nowhere", None, {})


def envelope(*recipients: str) -> Envelope:
    return Envelope(ReversePath.parse("a@b.example"), tuple(map(Recipient.parse, recipients)))


def delivery(**changes: Any) -> Delivery:
    plain = Delivery(
        envelope=envelope("x@y.example"),
        message=Message([b"Subject: x\n\n", b"y\n"]),
        transaction=0,
        sender_node="sat",
        handle="rsmtp",
        niceness=96,
        packet="P",
    )
    return plain._replace(**changes)


def test_every_hook_has_its_section_in_the_order_of_the_code() -> None:
    headings = [f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in HOOKS.items()]
    assert headings == [heading for heading in sections(PAGE) if heading.startswith("gateway_")]


@pytest.mark.parametrize("name", HOOKS)
def test_the_section_shows_the_exact_signature(name: str) -> None:
    hook = HOOKS[name]
    parameters = inspect.signature(hook).parameters
    given = ", ".join(f"{p.name}: {p.annotation}" for p in parameters.values())
    line = f"def {name}({given}) -> {hook.__annotations__['return']}\n"
    [section] = [text for heading, text in sections(PAGE).items() if heading.startswith(f"{name}(")]
    assert line == blocks(section, "python")[0]


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("part", ["**When:**", "**Returns:**", "**Errors:**"])
def test_the_section_says_when_what_and_what_if(name: str, part: str) -> None:
    [section] = [text for heading, text in sections(PAGE).items() if heading.startswith(f"{name}(")]
    assert part in section


def test_every_kind_of_event_is_listed() -> None:
    [section] = [text for heading, text in sections(PAGE).items() if heading.startswith("gateway_event(")]
    assert [f"`{kind.name}`" for kind in EventKind] == [
        line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")
    ]


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The hook of the test's own name, made of the page's example for it."""
    return made(request.function.__name__.removeprefix("test_example_of_"))


def made(name: str) -> Callable[..., Any]:
    [section] = [text for heading, text in sections(PAGE).items() if heading.startswith(f"{name}(")]
    [source] = marked(section, "example")
    module = ModuleType(name)
    exec(compile(source, str(PAGE), "exec"), vars(module))
    manager = pluggy.PluginManager("gateway")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    hook: Callable[..., Any] = getattr(manager.hook, name)
    return hook


def test_example_of_gateway_register_ingress(example: Callable[..., Any]) -> None:
    [ingress] = example(config=CONFIG)
    [submission] = ingress.read((), io.BytesIO(b"a@b.example\nx@y.example\nSubject: z\n\n"), {})
    assert envelope("x@y.example") == submission.envelope
    assert b"Subject: z\n\n" == submission.message.read()
    with pytest.raises(Truncated):
        list(ingress.read((), io.BytesIO(b""), {}))


def test_example_of_gateway_register_egress(example: Callable[..., Any], tmp_path: Path) -> None:
    [egress] = example(config=CONFIG)
    path = tmp_path / "loft"
    given = [delivery(options={"path": str(path)}), delivery(envelope=None, transaction=1)]
    taken, refused = egress.deliver(given)
    assert (0, Verdict.TAKEN, "released") == taken[:3]
    assert (1, Verdict.REFUSED, "a pigeon needs an address") == refused[:3]
    assert b"Subject: x\n\ny\n" == path.read_bytes()


def test_example_of_gateway_route(example: Callable[..., Any]) -> None:
    assert "islands" == example(envelope=envelope("x@small.island.example"), config=CONFIG)
    assert example(envelope=envelope("x@y.example"), config=CONFIG) is None


def test_example_of_gateway_check_submission(example: Callable[..., Any]) -> None:
    many = envelope(*(f"x{n}@y.example" for n in range(6)))
    assert [] == example(envelope=many, node="other")
    with pytest.raises(Refused, match="5 recipients"):
        example(envelope=many, node="sat")


def test_example_of_gateway_check_delivery(example: Callable[..., Any]) -> None:
    assert [] == example(delivery=delivery())
    with pytest.raises(Refused, match="from sat"):
        example(delivery=delivery(handle="shell"))


def test_example_of_gateway_event(example: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    example(event=Event(kind=EventKind.HELD, packet="P", node="bob", text="why"), config=CONFIG)
    example(event=Event(kind=EventKind.SENT, packet="Q", node="bob"), config=CONFIG)
    assert "P from bob: why\n" == capsys.readouterr().out


def test_example_of_gateway_examine(example: Callable[..., Any], tmp_path: Path) -> None:
    config = CONFIG._replace(plugin={"pigeon": {"loft": str(tmp_path / "loft")}})
    [[finding]] = map(list, example(config=config, user="mail"))
    assert (False, "loft") == (finding.ok, finding.subject)
    assert f"install -d -o mail {tmp_path}/loft" == finding.mend
    (tmp_path / "loft").mkdir()
    assert [[]] == [list(found) for found in example(config=config, user="mail")]


def test_example_of_gateway_register_commands(example: Callable[..., Any]) -> None:
    group = click.Group()
    example(group=group)
    assert "coo\n" == CliRunner().invoke(group, ["pigeon"]).output


class TestTheIngressOfThePage(IngressContract):
    [ingress] = made("gateway_register_ingress")(config=CONFIG)
    malformed = (Input(b"a@b.example\nno address\nSubject: z\n\n"),)
    at_once = 1
    ends_itself = False

    def write(self, sender: str, recipients: tuple[str, ...], message: bytes) -> Input:
        return Input(f"{sender}\n{recipients[0]}\n".encode() + message)


class TestTheEgressOfThePage(EgressContract):
    [egress] = made("gateway_register_egress")(config=CONFIG)
    moods = ("takes", "gone")

    def bring(self, mood: Mood) -> Mapping[str, object]:
        folder = self.folder if mood == "takes" else self.folder / "none"
        return {"options": {"path": str(folder / "loft")}}

    def kept(self) -> list[bytes]:
        return [file.read_bytes() for file in self.folder.glob("loft")]

    def names(self, recipient: Recipient) -> bytes:
        return b""


def test_every_example_is_called_here() -> None:
    assert {f"test_example_of_{name}" for name in HOOKS} <= set(globals())
