"""Event loops: which one to make, and how to run one coroutine on it and still end when the application
leaves a mess.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgate.errors import Exit, Failure

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
CLEAN_UP_LIMIT = 5.0  # seconds for left-over tasks and generators each; they had the grace time before


def loop_factory(choice: str) -> LoopFactory:
    """The factory for `--loop`: auto, asyncio, uvloop or module:factory. Raises `Failure` (LOOP)."""
    if choice == "auto":
        choice = "uvloop" if importlib.util.find_spec("uvloop") is not None else "asyncio"
    if choice == "asyncio":
        return asyncio.new_event_loop
    module, attribute = ("uvloop", "new_event_loop") if choice == "uvloop" else choice.split(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        hint = (
            "pip install 'asgate[uvloop]'"
            if choice == "uvloop"
            else "it must be importable, such as uvloop:Loop"
        )
        raise Failure(Exit.LOOP, f"the event loop {choice} cannot be imported: {error}", hint) from None
    except AttributeError:
        raise Failure(
            Exit.LOOP, f"the event loop {choice} is not there: {module} has no {attribute}"
        ) from None
    if not callable(factory):
        raise Failure(Exit.LOOP, f"the event loop {choice} is no factory: it cannot be called")
    return _checked(factory, choice)


def _checked(factory: Callable[[], object], choice: str) -> LoopFactory:
    def make() -> asyncio.AbstractEventLoop:
        try:
            loop = factory()
        except Exception as error:
            raise Failure(Exit.LOOP, f"the event loop {choice} cannot be made: {error}") from None
        if not isinstance(loop, asyncio.AbstractEventLoop):
            raise Failure(
                Exit.LOOP, f"the event loop {choice} is none: the factory made a {type(loop).__name__}"
            )
        return loop

    return make


def named(loop: asyncio.AbstractEventLoop) -> str:
    """`uvloop.Loop`: where its class comes from."""
    return f"{type(loop).__module__}.{type(loop).__qualname__}"


def run_on(factory: LoopFactory, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `main()` to its end on a new loop and closes the loop.

    Unlike `asyncio.Runner` it waits neither for ever for tasks that ignore their cancellation
    (`CLEAN_UP_LIMIT`) nor at all for threads of the default executor: `command.leave` gives them a moment. A
    stop always ends.
    """
    loop = factory()
    task: asyncio.Task[T] | None = None
    try:
        asyncio.set_event_loop(loop)
        task = loop.create_task(main())
        return loop.run_until_complete(task)
    except (asyncio.CancelledError, RuntimeError) as error:
        if (failure := _ended_by_application(task, error)) is not None:
            raise failure from None
        raise
    finally:
        try:
            if task is not None and not task.done():  # a callback raised SystemExit, or stopped the loop
                loop.run_until_complete(_end(task))
        finally:
            _close(loop)


def _ended_by_application(task: "asyncio.Task[Any] | None", error: BaseException) -> Failure | None:
    if task is not None and isinstance(error, asyncio.CancelledError):
        sentence = "the application cancelled the server's task"
    elif task is not None and not task.done():
        sentence = "the application stopped the event loop"
    else:
        return None
    return Failure(Exit.APPLICATION, sentence, "to end the server, let it raise SystemExit")


async def _end(main: "asyncio.Task[Any]") -> None:
    """Before anything else ends, `main` does: it stops the server and runs lifespan shutdown (ASGI-199)."""
    main.cancel()
    await asyncio.wait({main})
    if not main.cancelled():
        main.exception()  # what matters is what ended the loop


def _close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(_clean_up(loop))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _clean_up(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        done, _ = await asyncio.wait(left, timeout=CLEAN_UP_LIMIT)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                loop.call_exception_handler(
                    {"message": "a task raised while the server stopped", "exception": error, "task": task}
                )
    closing = asyncio.ensure_future(loop.shutdown_asyncgens())
    await asyncio.wait({closing}, timeout=CLEAN_UP_LIMIT)
    if not closing.done():
        closing.cancel()
        await asyncio.wait({closing}, timeout=CLEAN_UP_LIMIT)
