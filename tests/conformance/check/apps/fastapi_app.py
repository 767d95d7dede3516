"""A sound FastAPI application, whose schema says what there is."""

import uuid

from fastapi import BackgroundTasks, FastAPI, Form, HTTPException, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

app = FastAPI()
done: list[str] = []


@app.get("/")
async def home():
    return {"hello": "world"}


@app.get("/items/{number}")
def item(number: int, q: str):
    if number > 100:
        raise HTTPException(404)
    return {"number": number, "q": q}


@app.get("/named/{name}/{key}")
async def named(name: str, key: uuid.UUID, tasks: BackgroundTasks):
    tasks.add_task(done.append, name)
    return {"key": str(key)}


@app.get("/empty", status_code=204)
async def empty():
    return Response(status_code=204)


async def numbers():
    for number in range(20):
        yield f"{number}\n"


@app.get("/stream")
async def stream():
    return StreamingResponse(numbers())


@app.post("/form")
async def form(name: str = Form(), colour: str = Form()):
    return {"name": name, "colour": colour}


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_json(await websocket.receive_json())
    except (WebSocketDisconnect, ValueError, KeyError):
        return
