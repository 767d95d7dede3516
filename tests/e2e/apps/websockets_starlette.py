"""WebSockets with Starlette: the routes that every framework of test_websocket_apps.py has."""

import contextlib

import websockets_shared as shared
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect


async def json(websocket):
    await websocket.accept()
    async for said in websocket.iter_json():
        name, query = websocket.path_params["name"], websocket.query_params
        await websocket.send_json({"name": name, "said": said, "greeting": query.get("greeting")})


async def echo(websocket):
    await websocket.accept()
    async for data in websocket.iter_bytes():
        await websocket.send_bytes(data)


async def spoken(websocket):
    assert websocket.scope["subprotocols"] == shared.SUBPROTOCOLS
    await websocket.accept(subprotocol=shared.SUBPROTOCOLS[1], headers=shared.HEADERS)
    await websocket.send_text(websocket.headers["x-asked"])


async def refused(websocket):
    await websocket.close(4001, "no upgrade, so neither code nor reason")


async def denied(websocket):
    await websocket.send_denial_response(JSONResponse(shared.DENIAL, 401, headers={"x-why": "no ticket"}))


async def denied_in_pieces(websocket):
    await websocket.send_denial_response(StreamingResponse(shared.pieces(), 429))


async def closed(websocket):
    await websocket.accept()
    await websocket.close(4002, shared.REASON)


async def heard(websocket):
    await websocket.accept()
    try:
        await websocket.receive_text()
    except WebSocketDisconnect as end:
        shared.tell_end(end.code, end.reason)


async def ended(request):
    return JSONResponse(await shared.how_it_ended())


async def broken(websocket):
    await websocket.accept()
    raise RuntimeError("broken as asked")


async def room(websocket):
    await websocket.accept()
    shared.present.add(websocket)
    await websocket.send_text("welcome")
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            said = await websocket.receive_text()
            for each in shared.present:
                await each.send_text(said)
    shared.present.discard(websocket)


async def state(websocket):
    await websocket.accept()
    await websocket.send_text(websocket.state.word)


@contextlib.asynccontextmanager
async def lifespan(application):
    yield {"word": "from lifespan"}


app = Starlette(
    routes=[
        WebSocketRoute("/json/{name}", json),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/spoken", spoken),
        WebSocketRoute("/refused", refused),
        WebSocketRoute("/denied", denied),
        WebSocketRoute("/denied/in/pieces", denied_in_pieces),
        WebSocketRoute("/closed", closed),
        WebSocketRoute("/heard", heard),
        WebSocketRoute("/broken", broken),
        WebSocketRoute("/room", room),
        WebSocketRoute("/state", state),
        Route("/ended", ended),
    ],
    lifespan=lifespan,
)
