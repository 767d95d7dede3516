"""What the WebSocket applications of the frameworks share: words, those who are present, and how a WebSocket ended."""

import asyncio

SUBPROTOCOLS = ["chat.v1", "chat.v2"]
HEADERS = [(b"x-accepted", b"yes"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
DENIAL = {"error": "who are you?"}
REASON = "genug für heute"
present = set()
asked = {}


async def pieces():
    for number in range(3):
        yield b"piece %d\n" % number
        await asyncio.sleep(0)


def _end():
    """The one of this process: a test asks once."""
    return asked.setdefault("end", asyncio.get_running_loop().create_future())


def tell_end(code, reason):
    _end().set_result({"code": code, "reason": reason})


async def how_it_ended():
    return await _end()
