"""The shared routes with Starlette."""

import contextlib

import shared
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Route


async def hello(request):
    return JSONResponse(shared.greeting(request.path_params["name"], request.query_params.get("greeting")))


async def stream(request):
    return StreamingResponse(shared.lines(request.path_params["count"]), media_type="text/plain")


async def upload(request):
    checksum = shared.Checksum()
    async for piece in request.stream():
        checksum.update(piece)
    return JSONResponse(checksum.result())


async def file(request):
    return FileResponse(shared.FILE, media_type="application/octet-stream")


async def ticking(request):
    return StreamingResponse(shared.ticking(), media_type="text/plain")


async def silent(request):
    return StreamingResponse(shared.silent(), media_type="text/plain")


async def state(request):
    return JSONResponse({"state": request.state.word})


async def boom(request):
    raise RuntimeError("boom as asked")


@contextlib.asynccontextmanager
async def lifespan(application):
    yield {"word": "from lifespan"}


app = shared.Watched(
    Starlette(
        routes=[
            Route("/hello/{name}", hello),
            Route("/stream/{count:int}", stream),
            Route("/upload", upload, methods=["POST"]),
            Route("/file", file),
            Route("/ticking", ticking),
            Route("/silent", silent),
            Route("/state", state),
            Route("/boom", boom),
        ],
        lifespan=lifespan,
    )
)
