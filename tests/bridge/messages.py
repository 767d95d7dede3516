"""Messages and applications that tests of files share."""

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body"}


def text(number):
    return {"type": "http.response.body", "body": b"<%d>" % number, "more_body": True}


def zero(file, **keys):
    return {"type": "http.response.zerocopysend", "file": file} | keys


def pathsend(path):
    return {"type": "http.response.pathsend", "path": str(path)}


def sized(length, status=200):
    return START | {
        "status": status,
        "headers": [(b"content-length", b"%d" % length), (b"content-type", b"a/b")],
    }


def sending(*messages):
    """An application that sends these messages."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


async def bodies(receive):
    """An application's part: the pieces of a request body that it receives."""
    pieces, more = [], True
    while more:
        event = await receive()
        pieces.append(event["body"])
        more = event["more_body"]
    return pieces
