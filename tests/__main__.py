"""Run every check: lint, types, then the tests; the status is 0 only when all pass.

Words on the command line go to pytest. pytest comes last, so that its summary is the last line.
"""

from __future__ import annotations

import compileall
import subprocess
import sys

from tests.real.fetch import PROGRAMS, Unavailable, fetch

CHECKS = (("ruff", "check", "."), ("mypy",))
WORKERS = "2"


def main() -> int:
    """Return the exit status: 1 when any check failed."""
    failed = False
    for check in CHECKS:
        print("+", *check, flush=True)
        failed |= subprocess.run([sys.executable, "-m", *check], check=False).returncode != 0
    # The tests start the command thousands of times; an environment that forbids bytecode, or a
    # checkout that belongs to another user, would have every one of them compile the sources.
    compileall.compile_dir("gateway", quiet=2)
    compileall.compile_dir("plugins", quiet=2)
    for name in PROGRAMS:
        try:
            fetch(name)
        except Unavailable as why:
            print(f"{name} cannot be had here: {why}", flush=True)
    print("+ pytest", flush=True)
    tests = [sys.executable, "-m", "pytest", "-n", WORKERS, *sys.argv[1:]]
    failed |= subprocess.run(tests, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
