"""examples/chat.py: a thousand clients in one process, one who does not read, and the page in a real browser."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.process import PATIENCE, Serve, Serving

pytest.importorskip("websockets", reason="websockets is not installed")
import websockets
from websockets.sync.client import connect

from harness import chromium_client  # isort: skip

ROOT = Path(__file__).parents[2]
CROWD = 1000
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def chat(serve: Serve) -> Serving:
    return serve(
        "examples.chat:app", "--app-dir", str(ROOT), "--ws-max-size", "65536", "--timeout-write", "20"
    )


def url_of(server: Serving) -> str:
    return server.url.replace("http://", "ws://")


def test_a_thousand_hear_everything_in_the_same_order(chat: Serving) -> None:
    said = [f"message {number}" for number in range(5)]

    async def join(ready: asyncio.Barrier) -> list[str | bytes]:
        async with websockets.connect(
            url_of(chat), compression=None, proxy=None, open_timeout=PATIENCE
        ) as here:
            await ready.wait()
            return [await here.recv() for _ in said]

    async def main() -> list[list[str | bytes]]:
        ready = asyncio.Barrier(CROWD + 1)
        async with asyncio.timeout(4 * PATIENCE), asyncio.TaskGroup() as group:
            crowd = [group.create_task(join(ready)) for _ in range(CROWD)]
            async with websockets.connect(url_of(chat), proxy=None, open_timeout=PATIENCE) as speaker:
                await ready.wait()
                for text in said:
                    await speaker.send(text)
        return [one.result() for one in crowd]

    heard = asyncio.run(main())
    assert len(heard) == CROWD
    assert all(one == said for one in heard)


def test_one_who_does_not_read_leaves_and_stalls_nobody(chat: Serving) -> None:
    """The kernel's buffers, the server's and the room's queue fill up; then the room goes on without."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.connect(chat.address)
    with connect(url_of(chat), sock=own, compression=None, max_queue=1, proxy=None) as slow:
        with connect(url_of(chat), compression=None, proxy=None) as quick:
            for number in range(400):
                text = f"{number} " + "x" * 60_000
                quick.send(text)
                assert quick.recv(PATIENCE) == text
        heard = []
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                heard.append(str(slow.recv(PATIENCE)).partition(" ")[0])
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "too slow")
    assert heard == [str(number) for number in range(len(heard))]
    assert 64 <= len(heard) < 400


@pytest.fixture
def windows() -> Iterator[list[Any]]:
    """Two browser windows."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    if chromium_client.CHROMIUM is None or chromium_client.DRIVER is None:
        pytest.skip("chromium or chromedriver is not installed")
    with chromium_client.browser() as one, chromium_client.browser() as other:
        yield [one, other]


def shows(window: Any, element: str, text: str) -> None:
    """Waits until the element's text is this."""
    from selenium.webdriver.support.ui import WebDriverWait

    def shown(driver: Any) -> bool:
        return bool(driver.find_element("id", element).text == text)

    WebDriverWait(window, PATIENCE).until(shown, f"{element} does not show {text!r}")


def say(window: Any, name: str, words: str) -> None:
    for field, text in (("name", name), ("words", words)):
        window.find_element("name", field).clear()
        window.find_element("name", field).send_keys(text)
    window.find_element("tag name", "button").click()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # selenium leaves the driver's output open
def test_two_windows_of_a_browser_talk_with_each_other(chat: Serving, windows: list[Any]) -> None:
    ada, grace = windows
    for window in windows:
        window.get(chat.url)
        shows(window, "state", "open")
    say(ada, "Ada", "Grüße & <b>bold</b>")
    for window in windows:
        shows(window, "said", "Ada: Grüße & <b>bold</b>")
    say(grace, "Grace", "hello")
    for window in windows:
        shows(window, "said", "Ada: Grüße & <b>bold</b>\nGrace: hello")
        assert window.get_log("browser") == []
    ada.set_window_size(320, 640)
    assert ada.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    chat.send_signal()
    for window in windows:
        shows(window, "state", "closed: 1012")
        assert not window.find_element("tag name", "button").is_enabled()
