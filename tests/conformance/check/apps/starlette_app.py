"""A sound Starlette application: JSON, a stream, a file, an upload, middleware, a WebSocket, lifespan state."""

import contextlib

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect


async def home(request):
    return JSONResponse({"word": request.state.word, "client": request.client and request.client.host})


async def numbers():
    for number in range(20):
        yield b"%d\n" % number


async def stream(request):
    return StreamingResponse(numbers(), media_type="text/plain")


async def file(request):
    return FileResponse(__file__)


async def upload(request):
    return JSONResponse({"size": len(await request.body()), "form": len(await request.form())})


async def echo(websocket):
    await websocket.accept(headers=[(b"x-word", b"a")])
    with contextlib.suppress(WebSocketDisconnect, KeyError):
        while True:
            await websocket.send_text(await websocket.receive_text())


async def closed(websocket):
    await websocket.close(4403, "not here")


async def add_header(request, call_next):
    response = await call_next(request)
    response.headers["x-seen"] = request.url.path
    return response


@contextlib.asynccontextmanager
async def lifespan(application):
    yield {"word": "from lifespan"}


app = Starlette(
    routes=[
        Route("/", home),
        Route("/stream", stream),
        Route("/file", file),
        Route("/upload", upload, methods=["POST"]),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/closed", closed),
    ],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_header)],
    lifespan=lifespan,
)
