"""docs/writing-plugins.md, followed to the letter by a stranger: no source tree, an installed wheel."""

from __future__ import annotations

import re

import pytest

import gateway.testing
from tests.docs.pages import ROOT, marked, rows, sections
from tests.testing.outside import Outside

PAGE = ROOT / "docs" / "writing-plugins.md"
TEXT = PAGE.read_text()
PLUGINS = {"gateway-opensmtpd": "opensmtpd", "gateway-webhook": "webhook"}


@pytest.mark.parametrize("project", PLUGINS)
def test_the_plugin_of_the_page_is_made_and_passes_its_tests(outside: Outside, project: str) -> None:
    [command] = marked(TEXT, f"run: {project}")
    made = outside.run("sh", "-ec", command)
    assert 0 == made.returncode, made.stderr
    folder = outside.directory / project
    for name in re.findall(rf"<!-- file: {project}/(\S+) -->", TEXT):
        [source] = marked(TEXT, f"file: {project}/{name}")
        assert (folder / name).exists(), "the page replaces files, it makes none"
        (folder / name).write_text(source)
    outside.install(folder)
    done = outside.pytest(folder)
    assert 0 == done.returncode, done.stdout
    checked = outside.gateway("plugin", "check", PLUGINS[project])
    assert 0 == checked.returncode, checked.stderr
    assert "warning" not in checked.stderr


def test_every_name_of_the_kit_is_on_the_page() -> None:
    listed = [
        word for row in rows(sections(PAGE)["What the kit has"]) for word in re.findall(r"`(\w+)`", row[0])
    ]
    assert sorted(listed) == sorted(gateway.testing.__all__)
