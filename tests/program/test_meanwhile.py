from __future__ import annotations

from gateway.program import meanwhile, run_program


def run(script: str) -> bytes:
    return run_program(["/bin/sh", "-c", script], stdin=None, environ={}, timeout=10).output


def test_it_is_done_once_while_the_first_program_runs() -> None:
    done: list[str] = []
    with meanwhile(lambda: done.append("work")):
        assert [] == done
        assert b"said\n" == run("echo said")
        assert ["work"] == done
        run("true")
    assert ["work"] == done


def test_without_a_program_it_is_not_done() -> None:
    done: list[str] = []
    with meanwhile(lambda: done.append("work")):
        pass
    run("true")
    assert [] == done
