"""``gateway plugin new``: a small repository for a plugin, complete, with tests that pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from gateway.errors import UsageError
from gateway.loading import DEFAULTS

__all__ = ["Plan", "write"]

_NAME_LENGTH = 40


class Plan(NamedTuple):
    """What the plugin is called, and which halves it has.

    Raises:
        UsageError: such a plugin cannot be.
    """

    name: str
    ingress: bool
    egress: bool

    @property
    def module(self) -> str:
        """The package's name."""
        return f"gateway_{self.name.replace('-', '_')}"

    @property
    def distribution(self) -> str:
        """The name of the repository, and of what pip installs."""
        return f"gateway-{self.name}"

    def checked(self) -> Plan:
        """Return it; raises `UsageError` where the name is not one, or nothing would be in it."""
        plain = self.name.replace("-", "")
        if not (plain.isascii() and plain.isalnum() and plain.islower() and self.name[0].isalpha()):
            raise UsageError(f"{self.name}: a name of lower-case letters, digits and dashes was expected")
        if self.name in DEFAULTS or len(self.name) > _NAME_LENGTH or self.name.endswith("-"):
            raise UsageError(f"{self.name}: this name cannot be had; choose another")
        if not (self.ingress or self.egress):
            raise UsageError("neither ingress nor egress: nothing is left")
        return self

    def filled(self, text: str) -> str:
        """Return a template with the names in it."""
        camel = "".join(word.capitalize() for word in self.name.split("-"))
        for mark, value in (("@NAME@", self.name), ("@MODULE@", self.module), ("@CLASS@", camel)):
            text = text.replace(mark, value)
        return text

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of every file of the repository."""
        halves = [half for half in ("ingress", "egress") if getattr(self, half)]
        yield "pyproject.toml", self._template("pyproject.toml")
        yield ".gitignore", self._template("gitignore")
        yield "README.md", self._template("README.md", *(f"README-{half}.md" for half in halves))
        front = self._template("package/__init__.py", *(f"package/hook_{half}" for half in halves))
        imports = (
            f"    from {self.module}.{half} import @CLASS@{half.capitalize()}" for half in sorted(halves)
        )
        yield f"{self.module}/__init__.py", self.filled(front.replace("@IMPORTS@", "\n".join(imports)))
        yield f"{self.module}/py.typed", ""
        yield "tests/conftest.py", self._template("tests/conftest.py")
        for half in halves:
            yield f"{self.module}/{half}.py", self._template(f"package/{half}.py")
            yield f"tests/test_{half}.py", self._template(f"tests/test_{half}.py")

    def _template(self, *names: str) -> str:
        folder = files("gateway.cli") / "scaffold"
        return self.filled("".join((folder / f"{name}.in").read_text("utf-8") for name in names))


def write(plan: Plan, folder: str) -> list[str]:
    """Write the repository into a new folder; return the paths of its files.

    Raises:
        FileExistsError: the folder is there; nothing was written.
        OSError: temporary; the disk refuses.
    """
    written = []
    texts = dict(plan.files())
    os.mkdir(folder)
    for name, text in texts.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
        written.append(path)
    return written
