"""`http.response.zerocopysend`: ranges of open files through the kernel (ASGI section 15)."""

import asyncio
import os
from pathlib import Path

import pytest
import uvloop

from .messages import END, GET, START, sending, sized, text, zero

clause = pytest.mark.clause
GIBI = 1 << 30


@clause("ASGI-250", "ASGI-251", "ASGI-254")
@pytest.mark.parametrize("length", [None, 0, 1, 4096, 999_999])
@pytest.mark.parametrize("offset", [None, 0, 1, 4097, 1_000_000])
async def test_offset_and_count(serve, path, file, offset, length):
    if length is not None and (offset or 0) + length > 1_000_000:
        length = 1_000_000 - offset
    keys = {key: value for key, value in (("offset", offset), ("count", length)) if value is not None}
    file.seek(5 if offset is None and length != 999_999 else 0)
    begin = file.tell() if offset is None else offset
    position = file.tell()
    expected = path.read_bytes()[begin:][:length]
    async with serve(sending(START, zero(file, **keys))) as site:
        found = await site.ask(GET)
    assert found.body == expected
    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == (
        position + len(expected) if offset is None else position
    )


@clause("ASGI-250", "ASGI-251")
async def test_none_counts_as_absent(serve, path, file):
    async with serve(sending(START, zero(file, offset=None, count=None))) as site:
        assert (await site.ask(GET)).body == path.read_bytes()


@clause("ASGI-250")
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_mixed_with_bodies_and_repeated(serve, path, file, version):
    messages = [
        START,
        text(1),
        zero(file, offset=8, count=8, more_body=True),
        text(2),
        zero(file, offset=0, count=8, more_body=True),
        zero(file, offset=0, count=0, more_body=True),
        zero(file, offset=999_992),
    ]
    async with serve(sending(*messages)) as site:
        found = await site.ask(GET.replace(b"1.1", version))
    assert found.body == b"<1>0000001\n<2>0000000\n0124999\n"
    assert (found[b"transfer-encoding"] == [b"chunked"]) == (version == b"1.1")


@clause("ASGI-254", "ASGI-251")
async def test_without_an_offset_the_position_moves_on(serve, file):
    messages = [START, zero(file, count=8, more_body=True), zero(file, count=8, more_body=True), END]
    async with serve(sending(*messages)) as site:
        assert (await site.ask(GET)).body == b"0000000\n0000001\n"
    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 16


@clause("ASGI-252")
async def test_the_file_stays_the_applications(serve, path):
    """It may be closed as soon as `send` has returned; the server does not close it."""

    async def app(scope, receive, send):
        await send(START)
        with path.open("rb") as file:
            await send(zero(file, more_body=True))
            assert os.fstat(file.fileno()).st_size == 1_000_000
        await send(END)

    async with serve(app) as site:
        assert (await site.ask(GET)).body == path.read_bytes()


@clause("ASGI-252")
async def test_a_file_closed_while_send_waits_is_sent_all_the_same(serve, unix, path):
    closed = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        file = path.open("rb")
        waiting = asyncio.ensure_future(send(zero(file, count=900_000, more_body=True)))
        await asyncio.sleep(0)
        assert not waiting.done()
        file.close()
        closed.set()
        await waiting
        await send(END)

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await closed.wait()
        assert (await client.response()).body == path.read_bytes()[:900_000]


@clause("ASGI-251", "ASGI-040")
@pytest.mark.parametrize(
    "keys", [{"offset": -1}, {"count": -1}, {"offset": 1 << 63}, {"count": 1 << 70}, {"count": 1_000_001}]
)
async def test_ranges_that_do_not_exist(serve, answer, file, keys):
    raised = []

    async def app(scope, receive, send):
        await send(START)
        try:
            await send(zero(file, **keys))
        except (RuntimeError, OSError) as error:
            raised.append(error)
        await send({"type": "http.response.body", "body": b"fine"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"fine"
    assert len(raised) == 1
    assert "ASGI-251" in str(raised[0])


@clause("ASGI-251", "ASGI-041")
@pytest.mark.parametrize("kind", ["closed", "pipe", "directory", "bad number"])
async def test_files_that_are_none(serve, path, tmp_path, kind):
    raised = []

    class Number:
        def fileno(self):
            return 999_999

    async def app(scope, receive, send):
        read, write = os.pipe()
        with os.fdopen(read, "rb") as pipe, os.fdopen(write, "wb"), path.open("rb") as closed:
            closed.close()
            directory = os.open(tmp_path, os.O_RDONLY)
            number = Number()
            number.fileno = {"bad number": lambda: 999_999, "directory": lambda: directory}.get(kind)
            try:
                await send(START)
                await send(zero({"closed": closed, "pipe": pipe}.get(kind, number)))
            except (RuntimeError, OSError, ValueError, TypeError) as error:
                raised.append(error)
            finally:
                os.close(directory)
        await send({"type": "http.response.body", "body": b"fine"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"fine"
    assert len(raised) == 1


@clause("ASGI-253", "ASGI-115")
async def test_content_length_holds_for_files_too(serve, path, file):
    async with serve(sending(sized(1_000_000), zero(file))) as site:
        found = await site.ask(GET)
    assert (found[b"content-length"], found.body) == ([b"1000000"], path.read_bytes())
    for length in (999_999, 1_000_001):
        async with serve(sending(sized(length), zero(file, offset=0))) as site:
            assert (await site.ask(GET)).status == 500


@clause("ASGI-251")
@pytest.mark.parametrize(
    "loop_factory", [uvloop.new_event_loop], indirect=True
)  # a few seconds: once is enough
async def test_one_message_of_more_than_two_gibibytes_arrives_whole(serve, sparse):
    size = 2 * GIBI + 8

    async def app(scope, receive, send):
        with sparse.open("rb") as file:
            await send(sized(size))
            await send(zero(file, count=size))

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        left, last, into = size - len(client.kept), b"", bytearray(1 << 22)
        while left:
            async with asyncio.timeout(10):
                count = await asyncio.get_running_loop().sock_recv_into(client.socket, into)
            left -= count
            last = (last + bytes(into[max(0, count - 8) : count]))[-8:]
        assert last == b"far away"


@clause("ASGI-250")
async def test_no_descriptor_is_left_open(serve, path, file):
    def count():
        return len(list(Path("/dev/fd").iterdir()))

    async with serve(sending(START, zero(file, offset=0, more_body=True), END)) as site:
        client = await site.connect()
        await client.send(GET)
        await client.response()
        before = count()
        for _ in range(20):
            await client.send(GET)
            await client.response()
        assert count() <= before  # fewer, when another test's server has let go in the meantime
