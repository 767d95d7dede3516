"""The shared routes with Litestar."""

import contextlib

import shared
from litestar import Litestar, Request, get, post
from litestar.response import File, Stream


@contextlib.asynccontextmanager
async def lifespan(application: Litestar):
    application.state.word = "from lifespan"
    yield


@get("/hello/{name:str}")
async def hello(name: str, greeting: str | None = None) -> dict[str, str | None]:
    return shared.greeting(name, greeting)


@get("/stream/{count:int}", media_type="text/plain")
async def stream(count: int) -> Stream:
    return Stream(shared.lines(count))


@post("/upload", status_code=200, request_max_body_size=None)
async def upload(request: Request) -> dict[str, str | int]:
    checksum = shared.Checksum()
    async for piece in request.stream():
        checksum.update(piece)
    return checksum.result()


@get("/file", media_type="application/octet-stream")
async def file() -> File:
    return File(shared.FILE, media_type="application/octet-stream")


@get("/ticking", media_type="text/plain")
async def ticking() -> Stream:
    return Stream(shared.ticking())


@get("/silent", media_type="text/plain")
async def silent() -> Stream:
    return Stream(shared.silent())


@get("/state")
async def state(request: Request) -> dict[str, str]:
    return {"state": request.app.state.word}


@get("/boom")
async def boom() -> None:
    raise RuntimeError("boom as asked")


app = shared.Watched(
    Litestar(
        [hello, stream, upload, file, ticking, silent, state, boom], lifespan=[lifespan], openapi_config=None
    )
)
