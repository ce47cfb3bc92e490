"""A place outside of the source tree: a virtual environment with the installed wheel."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 300


@dataclass(frozen=True, slots=True)
class Outside:
    """A directory with a virtual environment in it."""

    directory: Path

    @classmethod
    def build(cls, directory: Path) -> Outside:
        """Make the environment and install the gateway's wheel into it.

        What the gateway needs comes from the environment of these tests, without its
        ``.pth`` files: the source tree is not on the path.
        """
        self = cls(directory)
        self.run(sys.executable, "-m", "venv", "--without-pip", str(self.venv))
        (self.purelib / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.install(ROOT)
        return self

    @property
    def venv(self) -> Path:
        return self.directory / "venv"

    @property
    def purelib(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.venv)}))

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program with a clean environment, the virtual one's programs first."""
        path = f"{self.venv}/bin:/usr/bin:/bin"
        return subprocess.run(
            command, cwd=cwd or self.directory, env={"PATH": path, "HOME": str(self.directory)},
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip

    def python(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the environment's interpreter."""
        return self.run(str(self.venv / "bin" / "python"), *words, cwd=cwd)

    def install(self, project: Path) -> None:
        """Build the wheel of a project and install it."""
        wheels = self.directory / "wheels" / project.name
        built = self.run(
            sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=project
        )
        assert built.returncode == 0, built.stderr
        [wheel] = wheels.glob("*.whl")
        pip = [sys.executable, "-m", "pip", "--python", str(self.venv / "bin" / "python"), "install"]
        done = self.run(*pip, "-q", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
        assert done.returncode == 0, done.stderr

    def gateway(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return self.run(str(self.venv / "bin" / "gateway"), *words)

    def pytest(self, project: Path) -> subprocess.CompletedProcess[str]:
        """Run a project's tests, as its author does."""
        return self.python("-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", cwd=project)
