"""`http.response.pathsend`, and what holds for it and `http.response.zerocopysend` alike (ASGI section 16)."""

import asyncio
import contextlib
import logging
import os

import pytest

from .messages import GET, START, pathsend, sending, sized, text, zero
from .waits import departure

clause = pytest.mark.clause
GIBI = 1 << 30


@clause("ASGI-251", "ASGI-250")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
async def test_more_than_two_gibibytes(serve, sparse, how):
    """Far into a sparse file, and its size told in full."""
    far = 2 * GIBI

    async def app(scope, receive, send):
        with sparse.open("rb") as file:
            if how == "zerocopysend":
                await send(START)
                await send(zero(file, offset=far, count=8, more_body=True))
                await send(zero(file, offset=3 * GIBI - 4, count=4))
            else:
                await send(sized(3 * GIBI))
                await send(pathsend(sparse))

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        if how == "zerocopysend":
            assert (await client.response()).body == b"far away\0\0\0\0"
        else:
            assert b"content-length: 3221225472\r\n" in await client.until(b"\r\n\r\n")
            assert await client.exactly(1 << 20) == bytes(1 << 20)


@clause("ASGI-266", "ASGI-019")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
async def test_a_file_that_shrinks_while_it_is_sent_is_a_visible_abort(
    serve, unix, truncated, path, how, caplog
):
    caplog.set_level(logging.INFO, "asgate")
    stuck, ended = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await send(sized(1_000_000))
        with path.open("rb") as file:
            waiting = asyncio.ensure_future(send(zero(file) if how == "zerocopysend" else pathsend(path)))
            await asyncio.sleep(0)
            assert not waiting.done()
            os.truncate(path, 500_000)
            stuck.set()
            with contextlib.suppress(OSError):
                await waiting
            ended.set()

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await stuck.wait()
        with pytest.raises(truncated) as cut:
            await client.response()
        assert len(cut.value.args[1]) <= 500_000
        async with asyncio.timeout(5):
            await ended.wait()
    assert "shorter" in caplog.text


@clause("ASGI-260", "ASGI-262", "ASGI-106")  # section 23: extensions
async def test_pathsend_is_the_whole_body(serve, path):
    async with serve(sending(sized(1_000_000), pathsend(path), text(1), pathsend(path))) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET)
            found = await client.response()
            assert (found.status, found.body) == (200, path.read_bytes())


@clause("ASGI-263")
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_pathsend_adds_no_length_and_no_type_of_its_own(serve, path, version):
    """ "…as they will not be composed by the server"."""
    async with serve(sending(START, pathsend(path))) as site:
        found = await site.ask(GET.replace(b"1.1", version))
    assert (found[b"content-length"], found[b"content-type"]) == ([], [])
    assert found.body == path.read_bytes()


@clause("ASGI-263")
async def test_pathsend_keeps_what_the_application_says(serve, path):
    async with serve(sending(sized(1_000_000), pathsend(path))) as site:
        found = await site.ask(GET)
    assert (found[b"content-length"], found[b"content-type"]) == ([b"1000000"], [b"a/b"])


@clause("ASGI-261", "ASGI-031")
@pytest.mark.parametrize("name", ["file", "./file", "", "~/file", "file:///etc/hostname"])
async def test_pathsend_wants_an_absolute_path(serve, name):
    raised = []

    async def app(scope, receive, send):
        await send(START)
        try:
            await send(pathsend(name))
        except RuntimeError as error:
            raised.append(str(error))
        await send({"type": "http.response.body", "body": b"fine"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"fine"
    assert "ASGI-261" in raised[0]


@clause("ASGI-264", "ASGI-040")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("missing", FileNotFoundError),
        ("file/x", NotADirectoryError),
        ("nul\0", (ValueError, OSError)),
        ("", (OSError, RuntimeError)),
    ],
)
async def test_a_file_that_cannot_be_opened_raises_and_a_404_is_possible(serve, answer, path, name, kind):
    raised = []

    async def app(scope, receive, send):
        await send(sized(5))
        try:
            await send(pathsend(f"{path.parent}/{name}"))
        except kind as error:
            raised.append(error)
            await send({"type": "http.response.body", "body": b"sorry"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"sorry"
    assert len(raised) == 1
    if isinstance(raised[0], FileNotFoundError):
        assert raised[0].filename == f"{path.parent}/missing"


@clause("ASGI-264", "ASGI-017")
async def test_a_missing_file_that_nobody_catches_is_a_500(serve):
    async with serve(sending(sized(5), pathsend("/no/such/file"))) as site:
        assert (await site.ask(GET)).status == 500


@clause("ASGI-265", "ASGI-114")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 304), (b"GET", 204)])
async def test_no_body_of_a_file_where_none_belongs(serve, path, file, how, method, status):
    body = pathsend(path) if how == "pathsend" else zero(file, offset=0)
    async with serve(sending(sized(1_000_000, status), body)) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET.replace(b"GET", method))
            found = await client.response(head=True)
            assert found.status == status
            assert found[b"content-length"] == ([] if status == 204 else [b"1000000"])


@clause("ASGI-266")
async def test_pathsend_sends_at_most_content_length(serve, path):
    async with serve(sending(sized(100), pathsend(path))) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET)
            assert (await client.response()).body == path.read_bytes()[:100]


@clause("ASGI-266")
async def test_a_file_shorter_than_content_length_is_no_complete_response(serve, path, truncated):
    async with serve(sending(sized(1_000_001), pathsend(path))) as site:
        client = await site.connect()
        await client.send(GET)
        with contextlib.suppress(truncated):
            assert (await client.response()).status == 500


@clause("ASGI-267", "ASGI-118", "ASGI-110")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
async def test_send_returns_when_the_file_is_handed_over_or_the_client_gone(serve, unix, path, file, how):
    errors, stuck, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await send(sized(1_000_000))
        waiting = asyncio.ensure_future(send(zero(file) if how == "zerocopysend" else pathsend(path)))
        await asyncio.sleep(0)
        assert not waiting.done()
        stuck.set()
        try:
            await waiting
        except OSError as error:
            errors.append(error)
        ended.set()

    async with serve(app, bind=unix) as site:
        await departure(site, stuck, ended, GET)
    assert len(errors) == 1


@clause("ASGI-280", "ASGI-262")
async def test_pathsend_counts_as_the_last_body_before_trailers(serve, path):
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    async with serve(sending(START | {"trailers": True}, pathsend(path), trailers)) as site:
        found = await site.get(b"/", b"te: trailers")
    assert (found.body, found.trailers) == (path.read_bytes(), [(b"x-sum", b"1")])


@clause("ASGI-261", "ASGI-264")
async def test_a_fifo_is_refused_and_waits_for_nobody(serve, tmp_path):
    """Opening one without a writer would stand still for ever, and the whole server with it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    raised = []

    async def app(scope, receive, send):
        await send(START)
        try:
            await send(pathsend(fifo))
        except RuntimeError as error:
            raised.append(str(error))
        await send({"type": "http.response.body", "body": b"instead"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"instead"
    assert "not a regular file" in raised[0]


@clause("ASGI-267", "ASGI-118")
async def test_the_last_send_returns_although_the_connection_lingers(serve, tmp_path):
    """The client has everything and keeps its side open: the application need not wait for that."""
    file = tmp_path / "file"
    file.write_bytes(bytes(4 << 20))
    returned = asyncio.Event()

    async def app(scope, receive, send):
        headers = [(b"content-length", b"%d" % (4 << 20)), (b"connection", b"close")]
        await send(START | {"headers": headers})
        await send(pathsend(file))
        returned.set()

    async with serve(app, timeout_linger=30.0) as site:
        client = await site.connect()
        await client.send(GET)
        assert len((await client.response()).body) == 4 << 20
        async with asyncio.timeout(5):
            await returned.wait()
