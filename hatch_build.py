"""Makes the manual pages and the shells' completions while a wheel is built.

What it needs, the package itself needs as well. Where that is not there nothing is made, and a warning
says so.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "bash": "share/bash-completion/completions/gateway",
    "zsh": "share/zsh/site-functions/_gateway",
    "fish": "share/fish/vendor_completions.d/gateway.fish",
}


class Shared(BuildHookInterface):  # type: ignore[type-arg,misc]
    """Adds files below ``share/`` to a wheel; an editable installation goes without."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and name them to the builder."""
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path[:0] = [self.root, *(str(path) for path in sorted(Path(self.root, "plugins").iterdir()))]
        try:
            found = dict(files(self.metadata.version))
        except ImportError as missing:
            self.app.display_warning(f"no manual pages and completions: {missing}")
            return
        folder = Path(self.directory, "share-of-the-wheel")
        folder.mkdir(parents=True, exist_ok=True)
        for number, (target, text) in enumerate(found.items()):
            file = folder / f"{number}"
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = target

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clear away what was made."""
        del version, build_data, artifact_path
        shutil.rmtree(Path(self.directory, "share-of-the-wheel"), ignore_errors=True)


def files(version: str) -> Any:
    """Yield path below the prefix, and content.

    Raises:
        ImportError: something that the commands need is not there.
    """
    from gateway.cli.completion import script  # noqa: PLC0415 - found only now
    from gateway.cli.manual import all_pages  # noqa: PLC0415 - as above

    for name, text in all_pages(version).items():
        yield f"share/man/man1/{name}", text
    for shell, path in COMPLETIONS.items():
        yield path, script(shell)
