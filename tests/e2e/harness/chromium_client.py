"""Chromium's WebSocket behind the verbs of `websocket_clients.Talk`. A page has no ping, and sees no frames."""

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from harness.websocket_clients import Connect, Talk

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")

OPEN = """
const [url, subprotocols, done] = arguments;
const waiting = [], inbox = [];
const put = (event) => waiting.length ? waiting.shift()(event) : inbox.push(event);
window.next = (take) => inbox.length ? take(inbox.shift()) : waiting.push(take);
window.socket = new WebSocket(url, subprotocols);
socket.binaryType = "arraybuffer";
socket.onopen = () => put({ open: [socket.protocol, socket.extensions] });
socket.onclose = (event) => put({ close: [event.code, event.reason, event.wasClean] });
socket.onmessage = ({ data }) => {
  if (typeof data === "string") return put({ text: data });
  const parts = [];
  for (let at = 0; at < data.byteLength; at += 8192)
    parts.push(String.fromCharCode(...new Uint8Array(data, at, Math.min(8192, data.byteLength - at))));
  put({ bytes: btoa(parts.join("")) });
};
next(done);
"""
SEND_BYTES = "socket.send(Uint8Array.from(atob(arguments[0]), (it) => it.charCodeAt(0)))"


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a screen."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


def client(driver: Any) -> Connect:
    """A client in the browser; the page it lives in comes from the same server (`/page`)."""

    @asynccontextmanager
    async def with_chromium(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
        await asyncio.to_thread(driver.get, f"http://{urlsplit(url).netloc}/page")
        talk = ChromiumTalk(driver)
        await talk.open(url, subprotocols)
        yield talk
        await asyncio.to_thread(driver.get, "about:blank")

    return with_chromium


class ChromiumTalk:
    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def open(self, url: str, subprotocols: Sequence[str]) -> None:
        event = await asyncio.to_thread(self._driver.execute_async_script, OPEN, url, list(subprotocols))
        protocol, extensions = event["open"]
        self.subprotocol = protocol or None
        self.deflate = "permessage-deflate" in extensions

    async def _run(self, script: str, *arguments: object) -> None:
        await asyncio.to_thread(self._driver.execute_script, script, *arguments)

    async def _next(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._driver.execute_async_script, "next(arguments[0])")

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._run("socket.send(arguments[0])", message)
        else:
            await self._run(SEND_BYTES, base64.b64encode(message).decode())

    async def receive(self) -> str | bytes:
        event = await self._next()
        return event["text"] if "text" in event else base64.b64decode(event["bytes"])

    async def ping(self, payload: bytes) -> None:
        raise NotImplementedError("a page cannot ping")

    async def close(self, code: int, reason: str) -> None:
        await self._run("socket.close(arguments[0], arguments[1])", code, reason)

    async def ended(self) -> tuple[int, str]:
        code, reason, clean = (await self._next())["close"]
        assert clean
        return code, reason
