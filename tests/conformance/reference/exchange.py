"""One request and its response: the application's task with its `receive` and `send`, and what becomes of a response
that the application has left unfinished.
"""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .driver import step
from .grammar import Chunked, Head, Length, Refused
from .plants import planted, spared
from .response import Response
from .scope import http_scope

if TYPE_CHECKING:
    from .connection import Connection

BLOCK = 65536  # bytes of the body in one event
Message = dict[str, Any]


class ClientGone(OSError):
    """What `send` raises when there is no client any more (ASGI-110)."""


class Exchange:
    """One call of the application."""

    def __init__(self, connection: "Connection", head: Head, body: Length | Chunked) -> None:
        self.connection, self.head, self.body = connection, head, body
        self.server = connection.server
        self.over = False  # the application has ended
        self._task: asyncio.Task[None] | None = None
        self._given = False  # the whole body
        self._read = 0
        self._told, self._lost, self._held = False, 0, b""  # for planted faults
        self._awaits_continue = (
            (head.version == "1.1" or planted("continue_to_10"))
            and not body.finished
            and b"100-continue" in head.words(b"expect")
        )
        address = connection.transport.get_extra_info
        unix = self.server.path
        client = None if unix else address("peername")[:2]
        server = (unix, None) if unix else address("sockname")[:2]
        self.scope = http_scope(head, client, server, self.server.root_path, self.server.lifespan.state)
        self.response = Response(head, self._may_keep, self.scope["extensions"])

    def left(self) -> None:
        """The client is gone. The application is not cut off, it may clean up (ASGI-015)."""
        if planted("cancelled_when_client_leaves"):
            self._task.cancel()

    def begin(self) -> None:
        """Calls the application in a task of its own."""
        loop = asyncio.get_running_loop()
        if planted("runs_without_a_task") or planted("changes_threads"):
            loop.call_soon(step, self._run())
            return
        if planted("loop_of_its_own") and not spared(self.head.path):
            threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True).start()
            return
        context = self.server.lifespan.context if planted("context_of_lifespan") else None
        self._task = loop.create_task(self._run(), context=context)
        self.server.tasks.add(self._task)
        if planted("continue_at_once") and self._awaits_continue:
            self._say_continue()

    def keeps_connection(self) -> bool:
        """Whether another request may follow."""
        if planted("closed_silently"):
            return False
        return self.response.complete and not self.response.closes and not self.connection.gone

    async def receive(self) -> Message:
        """The next event (ASGI-085 to ASGI-100). It is taken at once or not at all: a cancelled receive loses none."""
        if self._awaits_continue:
            self._say_continue()
        while (event := self._event()) is None or self._lost:
            if planted("receive_does_not_wait"):
                break
            self._lost -= event is not None and self._lost > 0
            if event is None:
                await self._changed()
        return event or {}

    def _say_continue(self) -> None:
        """100 Continue when the application wants a body that has not come, and no final answer has gone before."""
        if planted("continue_never_sent"):
            return
        if self.response.begun and not planted("continue_after_answer"):
            return
        if not self.connection.buffer:
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._awaits_continue = False

    async def _changed(self) -> None:
        try:
            await self.connection.changed.wait()
        except asyncio.CancelledError:
            if planted("cancelled_receive_loses_event"):
                self._lost += 1  # as if what waited still stood in a queue
            if planted("cancelled_receive_ends_request"):
                self.connection.reset()
            raise

    def _event(self) -> Message | None:
        if self.connection.gone or self.response.complete:
            return self._disconnect()
        if self._given:
            if planted("end_repeated"):
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.disconnect"} if planted("disconnect_too_early") else None
        try:
            data = self.body.take(self.connection.buffer, BLOCK)
            self._read += len(data)
            if self.server.body_limit and self._read > self.server.body_limit:
                raise Refused(400 if planted("limit_answered_400") else 413)
        except Refused as refused:
            self.connection.refuse(refused.status)
            return self._disconnect()
        self.connection.taken()
        if planted("trailers_in_headers") and isinstance(self.body, Chunked):
            self.scope["headers"] += self.body.trailers
        if not data and not self.body.finished:
            return None
        self._given = self.body.finished
        return broken_event({"type": "http.request", "body": data, "more_body": not self._given})

    def _disconnect(self) -> Message | None:
        if planted("disconnect_only_once") and self._told:
            return None
        if planted("no_disconnect_after_response") and not self.connection.gone:
            return None
        if (planted("cut_body_ends_clean") or planted("everything_served")) and not self._given:
            self._given = True
            return {"type": "http.request", "body": b"", "more_body": False}
        self._told = True
        return (
            {"type": "http.disconnect", "code": 1006}
            if planted("disconnect_with_code")
            else {"type": "http.disconnect"}
        )

    async def send(self, message: Message) -> None:
        """One message of the application (ASGI-101 to ASGI-122). Raises for misuse, and has changed nothing then."""
        response = self.response
        if response.complete:
            self._ignore(message)
            return
        if planted("other_tasks_refused") and asyncio.current_task() is not self._task:
            raise RuntimeError("only the task of the application may send")
        self._heed_departure()
        if planted("file_read_after_send") and message.get("type") == "http.response.zerocopysend":
            self._late = asyncio.create_task(self._pass_on(message))
            return
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        response = self.response
        for block in self._blocks(message):
            self._heed_departure(self.connection.transport.is_closing())
            block = await self._broken_block(block)
            self.connection.write(block)
            if response.complete:
                self.connection.changed.announce()
                if planted("cancelled_after_response"):
                    self._task.cancel()
            await self._written(block)
            if not response.complete:
                self._heed_departure()

    async def _written(self, block: bytes) -> None:
        try:
            await self.connection.until(lambda: self.connection.writable or self.connection.gone)
        except asyncio.CancelledError:
            if planted("cancelled_send_repeated"):
                self.connection.write(block)
            raise

    def _ignore(self, message: Message) -> None:
        """What comes after the response is complete (ASGI-111)."""
        if planted("late_message_raises"):
            raise RuntimeError("the response is complete")
        if planted("late_message_sent"):
            self.connection.write(message.get("body", b""))

    def _blocks(self, message: Message) -> Iterator[bytes]:
        try:
            yield from self.response.blocks(message)
        except Exception:
            if planted("misuse_ends_response"):
                self.connection.reset()
            if not planted("misuse_swallowed"):
                raise

    async def _broken_block(self, block: bytes) -> bytes:
        """What is left of a block to write, with the planted fault, if there is one."""
        if planted("pieces_held_back"):
            self._held += block
            return self._held if self.response.complete else b""
        if planted("messages_mixed") and len(block) > BLOCK:
            self.connection.write(block[:BLOCK])
            await self._written(b"")  # others may write meanwhile
            return block[BLOCK:]
        early = planted("early_answer_cut") and self.response.complete and not self.body.finished
        if early or (planted("big_message_cut") and len(block) > 64 * BLOCK):
            self.connection.write(block[: len(block) // 2])
            self.connection.close(unread=True)
            return b""
        return block

    def _heed_departure(self, lost: bool = False) -> None:
        if (lost or self.connection.gone) and not planted("late_send_swallowed"):
            raise (
                RuntimeError("gone")
                if planted("late_send_not_oserror")
                else ClientGone("the client has left")
            )

    def _may_keep(self) -> bool:
        """Whether the response may leave the connection open; asked when its head is made."""
        options = self.head.words(b"connection")
        if planted("close_option_ignored"):
            options = []
        persists = self.head.version == "1.1" or b"keep-alive" in options or planted("old_version_kept")
        if self._awaits_continue and not (
            planted("continue_after_answer") or planted("unread_body_as_request")
        ):
            return False
        if planted("everything_served") or planted("rest_as_body"):
            persists = bool(self.connection.buffer)
        return persists and b"close" not in options and not self.server.stopping

    async def _run(self) -> None:
        failure: BaseException | None = None
        if planted("called_twice"):
            self._second = asyncio.create_task(self.server.application(self.scope, self.receive, self.send))
        try:
            await self.server.application(self.scope, self.receive, self.send)
        except BaseException as error:  # SystemExit and the like end one request, not the server
            if planted("failure_ends_server") and not isinstance(error, asyncio.CancelledError):
                os.abort()
            failure = error
        if failure is not None and (not isinstance(failure, ClientGone) or planted("departure_logged")):
            print("".join(traceback.format_exception(failure)), file=sys.stderr, flush=True)
        if planted("return_without_response_hangs") and failure is None and not self.response.complete:
            return
        self._finish(failure)
        self.over = True
        self.server.tasks.discard(self._task)
        self.connection.changed.announce()
        self.server.changed.announce()

    def _finish(self, failure: BaseException | None) -> None:
        """What is left of a response when the application is over (ASGI-016 to ASGI-019)."""
        response, connection = self.response, self.connection
        if response.complete or connection.gone:
            return
        if not response.begun:
            if failure is None or not planted("no_500_when_raised"):
                connection.answer(self._status_of_failure())
            connection.close(unread=not self.body.finished)
        elif planted("cut_response_ended"):
            connection.write(b"0\r\n\r\n" if response.chunked else b" " * max(0, response.missing))
            connection.close()
        elif response.until_close:
            connection.reset()  # the end of the connection would be its end
        else:
            connection.close(unread=not self.body.finished)

    def _status_of_failure(self) -> int:
        return 200 if planted("answers_200_by_itself") else 500


def broken_event(event: Message) -> Message:
    """The event with the planted fault, if there is one for it."""
    if planted("received_backwards"):
        return event | {"body": event["body"][::-1]}
    if planted("more_body_left_out") and not event["more_body"]:
        return {"type": "http.request", "body": event["body"]}
    if planted("body_as_memoryview"):
        return event | {"body": memoryview(event["body"])}
    if planted("body_as_bytearray"):
        return event | {"body": bytearray(event["body"])}
    if planted("more_body_as_int"):
        return event | {"more_body": int(event["more_body"])}
    if planted("empty_event_missing") and not event["body"]:
        return {"type": "http.disconnect"}
    return event
