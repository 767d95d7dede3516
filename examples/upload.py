"""Takes an upload piece by piece, so that memory does not grow with it.

asgate run examples.upload:app
curl -T some.file http://127.0.0.1:8000/
"""

import hashlib


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    size, digest, more = 0, hashlib.sha256(), True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return  # the upload was cut short: nobody waits for an answer
        size += len(event["body"])
        digest.update(event["body"])
        more = event["more_body"]
    answer = f"{size} bytes, sha256 {digest.hexdigest()}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
