"""A server inside a program that has its own event loop.

python examples/embedding.py
"""

import asyncio
import urllib.request

import asgate


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"Hello from inside\n"})


def fetch(url):
    with urllib.request.urlopen(url) as answer:  # noqa: S310 (our own http URL)
        return answer.read().decode()


async def main():
    # Port 0 takes a free port. No signal is captured, no logging set up, no environment read.
    async with asgate.Server(app, port=0) as server:
        print(f"serving on {server.url}")
        print(await asyncio.to_thread(fetch, server.url), end="")
        # A program that only serves would now wait until something calls server.ask_to_stop():
        # await server.wait()
    print("stopped")


if __name__ == "__main__":
    asyncio.run(main())
