"""Misuse of `send`: messages in the wrong order, and applications that speak while their message is read. A refused
message changes nothing (ASGI section 2).
"""

import contextlib
from pathlib import Path

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
TRAILING = START | {"trailers": True}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
BODY = {"type": "http.response.body", "body": b"WRONG"}
END = {"type": "http.response.trailers"}
HINT = {"type": "http.response.early_hint", "links": [b"</a>"]}
PATH = {"type": "http.response.pathsend", "path": __file__}
ORDERS = [
    ([BODY], (), "ASGI-037"),
    ([BODY | {"more_body": True}], (), "ASGI-037"),
    ([PATH], (), "ASGI-037"),
    ([{"type": "http.response.zerocopysend", "file": "this file"}], (), "ASGI-037"),
    ([END], (), "ASGI-280"),
    ([START | {"status": 404}], (START,), "ASGI-037"),
    ([START | {"status": 404}], (START, PART), "ASGI-037"),
    ([END], (START,), "ASGI-280"),
    ([END], (START, PART), "ASGI-280"),
    ([HINT], (START, PART), "ASGI-273"),
    ([PATH], (START, PART), "ASGI-260"),
]


def one(raised):
    assert len(raised) == 1
    assert raised[0] is not None, "nothing was raised"
    return raised[0]


@clause("ASGI-037", "ASGI-040", "ASGI-260", "ASGI-273", "ASGI-280")
@pytest.mark.parametrize(("wrong", "before", "named"), ORDERS)
async def test_wrong_order(refusals, wrong, before, named):
    raised, found = await refusals(wrong, *before)
    error = one(raised)
    assert isinstance(error, RuntimeError)
    assert not isinstance(error, OSError)
    assert named in str(error)
    assert b"WRONG" not in found.body


@clause("ASGI-280", "ASGI-037")
async def test_trailers_do_not_come_before_the_last_body(refusals):
    raised, found = await refusals([END], TRAILING, PART, also=[END])
    assert "ASGI-280" in str(one(raised))
    assert found.body == b"partfine"


@clause("ASGI-037", "ASGI-122")
@pytest.mark.parametrize("wrong", [BODY, START, PATH, HINT])
async def test_after_the_last_body_trailers_are_owed(serve, wrong):
    raised = []

    async def app(scope, receive, send):
        await send(TRAILING)
        await send({"type": "http.response.body", "body": b"all"})
        try:
            await send(wrong)
        except RuntimeError as error:
            raised.append(error)
        await send(END | {"headers": [(b"x", b"y")]})

    async with serve(app) as site:
        found = await site.get(b"/", b"te: trailers")
    one(raised)
    assert (found.body, found.trailers) == (b"all", [(b"x", b"y")])


@clause("ASGI-041", "ASGI-037")
async def test_sending_from_inside_a_message(serve):
    """Code of the application runs while its message is read; it may even speak itself."""
    raised = []

    async def app(scope, receive, send):
        def headers():
            send(START | {"headers": [(b"x-inner", b"1")]})
            yield (b"x-outer", b"1")

        try:
            await send(START | {"headers": headers()})
        except RuntimeError as error:
            raised.append(str(error))
        await send({"type": "http.response.body", "body": b"fine"})

    async with serve(app) as site:
        found = await site.ask(GET)
    assert (found[b"x-inner"], found[b"x-outer"], found.body) == ([b"1"], [], b"fine")
    assert "ASGI-037" in raised[0]


@clause("ASGI-041", "ASGI-111")
@pytest.mark.parametrize("more", [False, True])
async def test_a_file_that_answers_while_it_is_looked_at(serve, more):
    async def app(scope, receive, send):
        class Meddling:
            def fileno(self):
                send({"type": "http.response.body", "body": b"inner"})
                return file.fileno()

        with Path(__file__).open("rb") as file:
            await send(START)
            with contextlib.suppress(RuntimeError):
                await send(
                    {"type": "http.response.zerocopysend", "file": Meddling(), "count": 4, "more_body": more}
                )

    async with serve(app) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET)
            assert (await client.response()).body == b"inner"
