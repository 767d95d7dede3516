"""WebSockets with FastAPI: the routes of test_websocket_apps.py, with what FastAPI adds (types, dependencies)."""

import contextlib
from typing import Annotated

import websockets_shared as shared
from fastapi import Depends, FastAPI, Header, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse


@contextlib.asynccontextmanager
async def lifespan(application: FastAPI):
    yield {"word": "from lifespan"}


app = FastAPI(lifespan=lifespan)


@app.websocket("/json/{name}")
async def json(websocket: WebSocket, name: str, greeting: str | None = None):
    await websocket.accept()
    async for said in websocket.iter_json():
        await websocket.send_json({"name": name, "said": said, "greeting": greeting})


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for data in websocket.iter_bytes():
        await websocket.send_bytes(data)


async def header(x_asked: Annotated[str, Header()]):
    return x_asked


@app.websocket("/spoken")
async def spoken(websocket: WebSocket, asked: Annotated[str, Depends(header)]):
    assert websocket.scope["subprotocols"] == shared.SUBPROTOCOLS
    await websocket.accept(subprotocol=shared.SUBPROTOCOLS[1], headers=shared.HEADERS)
    await websocket.send_text(asked)


@app.websocket("/refused")
async def refused(websocket: WebSocket, count: int):
    """The query has no `count`: FastAPI closes with 1008 before it accepts."""
    raise AssertionError("not reached")


@app.websocket("/denied")
async def denied(websocket: WebSocket):
    await websocket.send_denial_response(JSONResponse(shared.DENIAL, 401, headers={"x-why": "no ticket"}))


@app.websocket("/denied/in/pieces")
async def denied_in_pieces(websocket: WebSocket):
    await websocket.send_denial_response(StreamingResponse(shared.pieces(), 429))


@app.websocket("/closed")
async def closed(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4002, shared.REASON)


@app.websocket("/heard")
async def heard(websocket: WebSocket):
    await websocket.accept()
    try:
        await websocket.receive_text()
    except WebSocketDisconnect as end:
        shared.tell_end(end.code, end.reason)


@app.get("/ended")
async def ended():
    return await shared.how_it_ended()


@app.websocket("/broken")
async def broken(websocket: WebSocket):
    await websocket.accept()
    raise RuntimeError("broken as asked")


@app.websocket("/room")
async def room(websocket: WebSocket):
    await websocket.accept()
    shared.present.add(websocket)
    await websocket.send_text("welcome")
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            said = await websocket.receive_text()
            for each in shared.present:
                await each.send_text(said)
    shared.present.discard(websocket)


@app.websocket("/state")
async def state(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(websocket.state.word)
