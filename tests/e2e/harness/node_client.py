"""Node's `ws` behind the verbs of `websocket_clients.Talk`: a process that is told what to do, line by line."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from harness.websocket_clients import LARGE, Connect, Talk

PACKAGE = "ws@8"
SCRIPT = Path(__file__).with_suffix(".js")


class NoNode(Exception):
    """There is no Node with `ws` here; the text says why."""


def install(directory: Path) -> Connect:
    """Puts `ws` into the directory and gives a client. Raises `NoNode`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoNode("node or npm is not installed")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(directory), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        raise NoNode(f"npm did not install {PACKAGE} within 60 s") from None
    if done.returncode:
        raise NoNode(f"npm cannot install {PACKAGE}: {done.stderr.strip()[-200:]}")

    @asynccontextmanager
    async def with_node(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
        process = await asyncio.create_subprocess_exec(
            node,
            str(SCRIPT),
            url,
            *subprotocols,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=2 * LARGE,
            env=os.environ | {"NODE_PATH": str(directory / "node_modules")},
        )
        try:
            talk = NodeTalk(process)
            await talk.open()
            yield talk
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return with_node


class NodeTalk:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._events = process.stdin, process.stdout

    async def open(self) -> None:
        protocol, extensions = await self._next("open")
        self.subprotocol = protocol or None
        self.deflate = "permessage-deflate" in extensions

    async def _say(self, **command: object) -> None:
        self._commands.write(json.dumps(command).encode() + b"\n")
        await self._commands.drain()

    async def _event(self) -> dict[str, Any]:
        return json.loads(await self._events.readline())

    async def _next(self, kind: str) -> Any:
        event = await self._event()
        assert kind in event, event
        return event[kind]

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._say(text=message)
        else:
            await self._say(bytes=base64.b64encode(message).decode())

    async def receive(self) -> str | bytes:
        event = await self._event()
        return event["text"] if "text" in event else base64.b64decode(event["bytes"])

    async def ping(self, payload: bytes) -> None:
        await self._say(ping=base64.b64encode(payload).decode())
        assert base64.b64decode(await self._next("pong")) == payload

    async def close(self, code: int, reason: str) -> None:
        await self._say(close=[code, reason])

    async def ended(self) -> tuple[int, str]:
        code, reason = await self._next("close")
        return code, reason
