"""Answers with a file that the kernel sends (`http.response.pathsend`), here with its own source.

asgate run examples.file:app
curl http://127.0.0.1:8000/
"""

from pathlib import Path

FILE = Path(__file__).resolve()  # pathsend wants an absolute path


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    size = FILE.stat().st_size
    headers = [(b"content-type", b"text/x-python; charset=utf-8"), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if "http.response.pathsend" in scope.get("extensions", {}):
        await send({"type": "http.response.pathsend", "path": str(FILE)})
    else:  # on a server that does not offer the extension
        await send({"type": "http.response.body", "body": FILE.read_bytes()})
