"""A sound Quart application."""

from quart import Quart, Response, request, send_file, websocket

app = Quart(__name__)


@app.before_serving
async def start():
    app.config["WORD"] = "from lifespan"


@app.get("/")
async def home():
    return {"word": app.config["WORD"], "address": request.remote_addr}


async def numbers():
    for number in range(20):
        yield b"%d\n" % number


@app.get("/stream")
async def stream():
    return Response(numbers(), content_type="text/plain")


@app.get("/file")
async def file():
    return await send_file(__file__)


@app.post("/upload")
async def upload():
    return {"size": len(await request.get_data()), "form": len(await request.form)}


@app.websocket("/echo")
async def echo():
    while True:
        await websocket.send(await websocket.receive())
