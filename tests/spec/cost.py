"""What the validator costs a request: `python tests/spec/cost.py`. CPU time, the best of many short rounds."""

import asyncio
import time

from asgate.spec.validator import Validator

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"13")]
REQUEST_HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"wrk"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip"),
    (b"connection", b"keep-alive"),
    (b"cookie", b"a=b"),
]
ROUNDS, CALLS = 150, 200


async def hello(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"Hello, World!"})


def scope():
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": REQUEST_HEADERS.copy(),
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {"http.response.pathsend": {}, "http.response.zerocopysend": {}},
    }


async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message): ...


async def main():
    best = {hello: 1.0, Validator(hello, mode="log"): 1.0}
    for _ in range(ROUNDS):
        for application in best:
            start = time.process_time()
            for _ in range(CALLS):
                await application(scope(), receive, send)
            best[application] = min(best[application], (time.process_time() - start) / CALLS)
    without, within = (seconds * 1e6 for seconds in best.values())
    print(f"{without:.1f} µs without, {within:.1f} µs with: {within - without:.1f} µs for the validator")


if __name__ == "__main__":
    asyncio.run(main())
