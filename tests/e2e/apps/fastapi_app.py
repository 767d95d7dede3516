"""The shared routes with FastAPI."""

import contextlib

import shared
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, StreamingResponse


@contextlib.asynccontextmanager
async def lifespan(application: FastAPI):
    yield {"word": "from lifespan"}


api = FastAPI(lifespan=lifespan)


@api.get("/hello/{name}")
async def hello(name: str, greeting: str | None = None):
    return shared.greeting(name, greeting)


@api.get("/stream/{count}")
async def stream(count: int):
    return StreamingResponse(shared.lines(count), media_type="text/plain")


@api.post("/upload")
async def upload(request: Request):
    checksum = shared.Checksum()
    async for piece in request.stream():
        checksum.update(piece)
    return checksum.result()


@api.get("/file")
async def file():
    return FileResponse(shared.FILE, media_type="application/octet-stream")


@api.get("/ticking")
async def ticking():
    return StreamingResponse(shared.ticking(), media_type="text/plain")


@api.get("/silent")
async def silent():
    return StreamingResponse(shared.silent(), media_type="text/plain")


@api.get("/state")
async def state(request: Request):
    return {"state": request.state.word}


@api.get("/boom")
async def boom():
    raise RuntimeError("boom as asked")


app = shared.Watched(api)
