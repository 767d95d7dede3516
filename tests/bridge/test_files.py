"""`http.response.pathsend` and `http.response.zerocopysend`: real files through the kernel (ASGI sections 15 and 16)."""

import asyncio
import os

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body"}
GIBI = 1 << 30


def text(number):
    return {"type": "http.response.body", "body": b"<%d>" % number, "more_body": True}


@pytest.fixture
def path(tmp_path):
    """A file of a million bytes that differ from place to place."""
    made = tmp_path / "file"
    made.write_bytes(b"".join(b"%07d\n" % number for number in range(125_000)))
    return made


@pytest.fixture
def file(path):
    with path.open("rb") as opened:
        yield opened


@pytest.fixture
def sparse(tmp_path):
    """Three GiB, of which the disk sees a few bytes beyond the second."""
    made = tmp_path / "sparse"
    with made.open("wb") as opened:
        os.truncate(opened.fileno(), 3 * GIBI)
        os.pwrite(opened.fileno(), b"far away", 2 * GIBI + GIBI // 2)
    return made


def sending(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def zero(file, **keys):
    return {"type": "http.response.zerocopysend", "file": file} | keys


def pathsend(path):
    return {"type": "http.response.pathsend", "path": str(path)}


def sized(length, status=200):
    return START | {"status": status, "headers": [(b"content-length", b"%d" % length), (b"content-type", b"a/b")]}


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
    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == (position + len(expected) if offset is None else position)


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
@pytest.mark.parametrize("keys", [{"offset": -1}, {"count": -1}, {"offset": 1 << 63}, {"count": 1 << 70}, {"count": 1_000_001}])
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
        with open(read, "rb") as pipe, open(write, "wb"), path.open("rb") as closed:
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


@clause("ASGI-251", "ASGI-250")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
async def test_more_than_two_gibibytes(serve, sparse, how):
    """Far into a sparse file, and its size told in full."""
    far = 2 * GIBI + GIBI // 2

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


@clause("ASGI-251")
async def test_one_message_of_more_than_two_gibibytes_arrives_whole(serve, sparse):
    size = 2 * GIBI + GIBI // 2 + 8

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


@clause("ASGI-266", "ASGI-019")
@pytest.mark.parametrize("how", ["zerocopysend", "pathsend"])
async def test_a_file_that_shrinks_while_it_is_sent_is_a_visible_abort(serve, unix, truncated, path, how, caplog):
    stuck, errors = asyncio.Event(), []

    async def app(scope, receive, send):
        await send(sized(1_000_000))
        with path.open("rb") as file:
            waiting = asyncio.ensure_future(send(zero(file) if how == "zerocopysend" else pathsend(path)))
            await asyncio.sleep(0)
            assert not waiting.done()
            os.truncate(path, 500_000)
            stuck.set()
            try:
                await waiting
            except OSError as error:
                errors.append(error)

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await stuck.wait()
        with pytest.raises(truncated) as cut:
            await client.response()
        assert len(cut.value.args[1]) <= 500_000
    assert "shorter" in caplog.text


@clause("ASGI-260", "ASGI-262", "ASGI-106")
async def test_pathsend_is_the_whole_body(serve, path):  # section 23: extensions
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
    [("missing", FileNotFoundError), ("file/x", NotADirectoryError), ("nul\0", (ValueError, OSError)), ("", (OSError, RuntimeError))],
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
        try:
            assert (await client.response()).status == 500
        except truncated:
            pass


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
        client = await site.connect(room=4096)
        await client.send(GET)
        await stuck.wait()
        client.close()
        async with asyncio.timeout(5):
            await ended.wait()
    assert len(errors) == 1


@clause("ASGI-280", "ASGI-262")
async def test_pathsend_counts_as_the_last_body_before_trailers(serve, path):
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    async with serve(sending(START | {"trailers": True}, pathsend(path), trailers)) as site:
        found = await site.get(b"/", b"te: trailers")
    assert (found.body, found.trailers) == (path.read_bytes(), [(b"x-sum", b"1")])


@clause("ASGI-250")
async def test_no_descriptor_is_left_open(serve, path, file):
    def count():
        return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

    async with serve(sending(START, zero(file, offset=0, more_body=True), END)) as site:
        await site.ask(GET)
        before = count()
        for _ in range(20):
            await site.ask(GET)
        assert count() == before
