"""A server in a thread, for a program that has no event loop.

python examples/in_a_thread.py
"""

import asyncio
import contextlib
import threading
import urllib.request

import asgate


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"Hello from a thread\n"})


@contextlib.contextmanager
def served(app, **options):
    """The URL of the application, which is served in a thread until the block ends."""
    server = asgate.Server(app, port=0, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        wait_for(server.start())  # what goes wrong is raised here: asgate.Failure
        yield server.url
    finally:
        wait_for(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


if __name__ == "__main__":
    with served(app) as url, urllib.request.urlopen(url) as answer:  # noqa: S310 (our own http URL)
        print(answer.read().decode(), end="")
    print("stopped")
