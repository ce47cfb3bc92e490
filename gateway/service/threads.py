"""Work that blocks, in a thread of its own, awaited by the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["in_thread", "to_its_end"]

_Result = TypeVar("_Result")


async def in_thread(name: str, work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns; raise what it raises.

    Each has a thread, so that none waits for another that hangs. Cancelled, the thread works on,
    unwatched, and does not keep the process from ending.
    """
    done: Future[_Result] = Future()
    done.set_running_or_notify_cancel()  # from now on nobody but the thread settles it

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:  # it is raised where it is awaited
            done.set_exception(failure)

    threading.Thread(target=run, name=f"gateway-{name}", daemon=True).start()
    return await asyncio.wrap_future(done)


async def to_its_end(
    work: Coroutine[Any, Any, _Result], on_cancel: Callable[[], object] = lambda: None
) -> _Result:
    """Await work and let a first cancellation wait for its end; a second one leaves it.

    `on_cancel` is called at the first, to say that the end should come soon.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        on_cancel()
        await task
        raise
