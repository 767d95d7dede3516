"""The probe: an ASGI application that does nothing of its own accord. It runs inside the server under test and
is steered through a control channel, so that a driver on the other side of the server knows what the
application saw, and in which order.

Standard library only, Python 3.8 or newer: the server may live in an environment without asgate.
`asgi_probe_channel.py` is its way to the driver, `asgi_probe_values.py` says what goes over it.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from asgate.conformance.probe.asgi_probe_channel import channel
    from asgate.conformance.probe.asgi_probe_values import aside, decoded, encoded, kind, parts, raised

    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[Any]]
else:  # it stands alone on the import path of the server
    from asgi_probe_channel import channel
    from asgi_probe_values import aside, decoded, encoded, kind, parts, raised

MARK: contextvars.ContextVar[Any] = contextvars.ContextVar("mark", default=None)
_lifespan: dict[str, int] = {}  # loop and thread of the last lifespan of this process


class Conversation:
    """One call of the application."""

    def __init__(self, scope: Any, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.channel = channel()
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        self.context = contextvars.copy_context()
        self.commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.operations: dict[int, asyncio.Task[None]] = {}
        self.files: dict[str, Any] = {}
        self.error: BaseException = RuntimeError("nothing was raised before")
        self.abandoned = False
        marker = aside(scope)
        self.mode = "aside" if marker else self.channel.modes.get(str(kind(scope)), "steered")
        if kind(scope) == "lifespan":
            _lifespan.update(loop=id(self.loop), thread=threading.get_ident())
        self.number = self.channel.join(self)
        report = {"open": self.number, "mode": self.mode, "scope": encoded(scope), "facts": self.facts()}
        self.channel.report({**report, "aside": marker})

    def facts(self) -> dict[str, Any]:
        """What only somebody inside the process can see. Ids tell objects apart that live at the same time."""
        return {
            "pid": os.getpid(),
            "task": type(self.task).__name__ if self.task is not None else None,
            "loop": id(self.loop),
            "lifespan_loop": _lifespan.get("loop"),
            "thread": threading.get_ident(),
            "lifespan_thread": _lifespan.get("thread"),
            "main_thread": threading.current_thread() is threading.main_thread(),
            "scope": id(self.scope),
            "mark": MARK.get(),
            "parts": parts(self.scope),
        }

    async def run(self) -> None:
        """The body of the application; how it ended is reported whatever happens."""
        end = "returned"
        try:
            await getattr(self, "_" + self.mode)()
        except asyncio.CancelledError:
            if self.abandoned:  # by the driver; the server sees an application that returns
                getattr(self.task, "uncancel", int)()  # Python 3.11
            else:
                end = "cancelled"
                raise
        except BaseException as error:
            end = "raised " + type(error).__name__
            raise
        finally:
            self._close()
            self.channel.report({"closed": self.number, "how": end})

    def _close(self) -> None:
        for operation in list(self.operations.values()):
            operation.cancel()
        self.channel.conversations.pop(self.number, None)
        while not self.commands.empty():
            self.channel.report({"op": self.commands.get_nowait()["op"], "gone": True})
        for file in self.files.values():
            with contextlib.suppress(OSError):  # the server has closed its descriptor
                file.close()

    # Modes: who decides what the application does.

    async def _steered(self) -> None:
        while not self.abandoned:
            command = await self.commands.get()
            if command["do"] == "return":
                self._tell(command, None)
                return
            if command["do"] == "raise":
                self._tell(command, None)
                raise self._error(command["kind"])
            await self._perform(command)

    async def _echo(self) -> None:
        body, ended = b"", "disconnect"
        while True:
            event = await self.receive()
            if event["type"] != "http.request":
                break
            body += event.get("body", b"")
            if not event.get("more_body", False):
                ended = "complete"
                break
        self.channel.report({"echo": self.number, "body": encoded(body), "ended": ended})
        await self._answer(b"echo")

    async def _aside(self) -> None:
        await self._answer(b"aside")

    async def _answer(self, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain")]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def _serve(self) -> None:
        """A sound lifespan."""
        while True:
            event = await self.receive()
            if event["type"] == "lifespan.startup":
                if "state" in self.scope:
                    self.scope["state"]["probe"] = ["of the lifespan"]
                MARK.set("set in lifespan")
                await self.send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                await self.send({"type": "lifespan.shutdown.complete"})
                return

    async def _refuse(self) -> None:
        """What an application without lifespan does."""
        raise NotImplementedError("the probe does not take this scope")

    async def _failing(self, **more: str) -> None:
        """A startup that fails. What send raises goes its way at once, as from the usual application."""
        await self.receive()
        await self.send({"type": "lifespan.startup.failed", **more})

    async def _failing_aloud(self) -> None:
        await self._failing(message="the ink is dry")

    def _error(self, kind: str) -> BaseException:
        """An exception by the name of its class; "again": what receive or send raised last."""
        if kind == "again":
            return self.error
        if kind == "CancelledError":
            return asyncio.CancelledError("raised by the probe")
        error: BaseException = getattr(builtins, kind)("raised by the probe")
        return error

    # Commands of the driver.

    def command(self, command: dict[str, Any]) -> None:
        """Called on the loop, in a copy of the application's context. What its own task does waits its turn, the rest
        is done at once.
        """
        what = command["do"]
        if what in ("begin receive", "begin send"):
            command["do"] = what[6:]
            self._beside(command, self._perform(command))
        elif what == "turn":
            self._beside(command, self._turn(command))
        elif what == "cancel":  # a task that was begun this very moment takes its first step before
            self.loop.call_soon(self._cancel, command)
        elif what == "abandon":
            self.abandoned = True
            self._tell(command, None)
            if self.task is not None:
                self.task.cancel()
        elif self.number not in self.channel.conversations:
            self.channel.report({"op": command["op"], "gone": True})
        else:
            self.commands.put_nowait(command)

    def _beside(self, command: dict[str, Any], work: Coroutine[Any, Any, None]) -> None:
        """Does something in a task of its own."""
        task = self.operations[command["op"]] = self.loop.create_task(work)
        task.add_done_callback(lambda _: self._never_begun(command))

    def _never_begun(self, command: dict[str, Any]) -> None:
        if self.operations.pop(command["op"], None) is not None:  # cancelled before its first step
            self.channel.report({"op": command["op"], "cancelled": True})

    def _cancel(self, command: dict[str, Any]) -> None:
        operation = self.operations.get(command["target"])
        self._tell(command, operation is not None and operation.cancel())

    async def _perform(self, command: dict[str, Any]) -> None:
        try:
            if command["do"] == "receive":
                value = encoded(await self.receive())
            elif command["do"] == "send":
                value = encoded(await self.send(decoded(command["message"], self.files)))
            else:
                value = encoded(_ACTIONS[command["do"]](self, command))
        except asyncio.CancelledError:
            self.channel.report({"op": command["op"], "cancelled": True})
            raise
        except BaseException as error:
            self.error = error
            self.channel.report({"op": command["op"], "raised": raised(error)})
        else:
            self._tell(command, value)
        finally:
            self.operations.pop(command["op"], None)

    async def _turn(self, command: dict[str, Any]) -> None:
        try:
            for _ in range(command["turns"]):
                await asyncio.sleep(0)
        finally:
            self.operations.pop(command["op"], None)
            self._tell(command, None)

    def _tell(self, command: dict[str, Any], value: Any) -> None:
        self.channel.report({"op": command["op"], "value": value})

    def _mutate(self, command: dict[str, Any]) -> None:
        target = self.scope
        for key in command["path"][:-1]:
            target = target[key]
        value = decoded(command["value"], self.files)
        if isinstance(target, list):
            target.append(value)
        else:
            target[command["path"][-1]] = value

    def _mark(self, command: dict[str, Any]) -> None:
        MARK.set(command["value"])

    def _file(self, command: dict[str, Any]) -> dict[str, Any]:
        """What the server has left of a file."""
        file = self.files[command["path"]]
        try:
            return {"closed": False, "position": os.lseek(file.fileno(), 0, os.SEEK_CUR)}
        except (OSError, ValueError):
            return {"closed": True, "position": -1}


_ACTIONS: dict[str, Callable[[Conversation, dict[str, Any]], Any]] = {
    "mutate": Conversation._mutate,
    "scope": lambda conversation, _: conversation.scope,
    "facts": lambda conversation, _: conversation.facts(),
    "mark": Conversation._mark,
    "file": Conversation._file,
    "close file": lambda conversation, command: conversation.files[command["path"]].close(),
}


async def app(scope: Any, receive: Receive, send: Send) -> None:
    """The probe, as ASGI 3 wants it."""
    await Conversation(scope, receive, send).run()


class asgi2:
    """The probe, as ASGI 2 wants it."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        await Conversation(self.scope, receive, send).run()


class asgi2_callable:
    """An object whose plain `__call__` takes the scope: ASGI 2 as well."""

    def __call__(self, scope: Any) -> asgi2:
        return asgi2(scope)


asgi2_instance = asgi2_callable()

# Calling it takes the way of its class; who looks at it sees a coroutine function, and guesses ASGI 3.
asgi2_misleading = asgi2_callable()
vars(asgi2_misleading)["__call__"] = app


def asgi2_function(scope: Any) -> asgi2:
    """A plain function that returns the second callable."""
    return asgi2(scope)


def asgi2_marked(*arguments: Any) -> asgi2:
    """Its signature tells nothing; its mark does."""
    (scope,) = arguments
    return asgi2(scope)


asgi2_marked._asgi_double_callable = True  # type: ignore[attr-defined]


class asgi3_callable:
    """An object whose async `__call__` takes all three: ASGI 3."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)


asgi3_instance = asgi3_callable()


def asgi3_marked(scope: Any, receive: Receive, send: Send) -> Any:
    """A plain function that returns an awaitable, and says that it is called once."""
    return app(scope, receive, send)


asgi3_marked._asgi_single_callable = True  # type: ignore[attr-defined]
