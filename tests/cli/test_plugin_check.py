"""`gateway plugin check` on plugins that are installed in a folder of their own, with one mistake each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import run_command

HEAD = "from gateway import hookimpl\n"
INGRESS = """
class Pigeon:
    name, handles, form = "pigeon", (), "bsmtp"
    def read(self, arguments, stream, environ):
        yield from ()
    {change}

@hookimpl
def gateway_register_ingress():
    return Pigeon()
"""
EGRESS = """
class Loft:
    name, handles = "loft", ()
    def deliver(self, deliveries):
        yield from ()
    {change}

@hookimpl
def gateway_register_egress():
    return Loft()
"""
Check = Callable[[str], list[str]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Install a plugin of that source, check it, and return what is said."""

    def check(source: str) -> list[str]:
        name = f"gateway_pigeon{abs(hash(tmp_path))}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(HEAD + source)
        info = tmp_path / "pigeon-1.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(f"[gateway]\npigeon = {name}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "none"))
        status = run_command(["plugin", "check", "--json", "pigeon"], {})
        sys.modules.pop(name, None)
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {"pigeon"} >= {finding["plugin"] for finding in found}
        assert status == any(finding["mistake"] for finding in found)
        return [finding["text"].replace(name, "PIGEON") for finding in found]

    return check


def test_a_sound_plugin(check: Check) -> None:
    assert [] == check(INGRESS.format(change="") + EGRESS.format(change=""))


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            "@hookimpl\ndef gateway_register_ingres(config): ...",
            'unknown hook gateway_register_ingres; did you mean "gateway_register_ingress"?',
        ),
        (
            "@hookimpl\ndef gateway_route(envelop): ...",
            'gateway_route has no argument envelop; did you mean "envelope"?',
        ),
        (
            "@hookimpl\ndef gateway_route(moon): ...",
            "gateway_route has no argument moon; it has envelope, config",
        ),
        ("def gateway_event(event): ...", "gateway_event is not marked: put @hookimpl in front of it"),
        ("raise LookupError('no loft')", "LookupError: no loft"),
    ],
)
def test_a_hook_that_nobody_would_call(check: Check, hook: str, said: str) -> None:
    assert [said] == check(hook)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (INGRESS.format(change='form = "smtp"'), "ingress pigeon: form 'smtp': expected one of bsmtp"),
        (INGRESS.format(change='handles = ["coo"]'), "ingress pigeon: handles ['coo']: expected a tuple"),
        (
            INGRESS.format(change="def read(self, stream): ..."),
            "ingress pigeon: read must take (arguments, stream, environ): too many positional arguments",
        ),
        (INGRESS.format(change='name = "Pigeon Post"'), "ingress 'Pigeon Post': its name must be"),
        (
            INGRESS.format(change='name = "exim"'),
            "ingress exim is brought twice: the plugin exim has one too",
        ),
        (
            INGRESS.format(change='handles = ("rsmtp",)'),
            "handle rsmtp is claimed by exim too; enabled last, pigeon gets it",
        ),
        (EGRESS.format(change="deliver = None"), "egress loft: deliver is not a function"),
        (EGRESS.format(change="def check(self): ..."), "egress loft: check must take (handle, options)"),
        (EGRESS.format(change='name = "maildir"'), "egress maildir is brought twice"),
        (
            INGRESS.replace("return Pigeon()", "return object()").format(change=""),
            "without name and handles and form and read",
        ),
    ],
)
def test_what_it_brings_is_not_what_was_promised(check: Check, source: str, said: str) -> None:
    [found] = check(source)
    assert said in found


def test_an_import_from_below_the_front(check: Check) -> None:
    [deep, _] = check("def later():\n    from gateway.mail.bsmtp import read\nimport gateway.links.noise\n")[
        :2
    ]
    assert "PIGEON/__init__.py:3: imports gateway.mail.bsmtp: only `from gateway import` will stay" == deep


def test_what_its_import_costs_every_message(check: Check) -> None:
    [cost] = check("import email.message\nimport gateway\n")
    assert cost.startswith("importing it costs every message ")
    assert " email, " in cost
    assert cost.endswith("import inside the functions that need it")


def test_the_plugins_of_this_repository_are_sound_and_cost_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "none"))
    assert 0 == run_command(["plugin", "check", "--json"], {})
    assert "" == capsys.readouterr().out


def test_a_plugin_that_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == run_command(["plugin", "check", "ghost"], {"config": "/nowhere/x.toml"})
    assert "plugin ghost: not installed" in capsys.readouterr().err
