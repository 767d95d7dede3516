"""The shared routes with Quart."""

import shared
from quart import Quart, Response, current_app, request, send_file

quart = Quart(__name__)
quart.config["MAX_CONTENT_LENGTH"] = None
quart.config["RESPONSE_TIMEOUT"] = None


@quart.before_serving
async def start():
    quart.config["WORD"] = "from lifespan"


@quart.get("/hello/<name>")
async def hello(name):
    return shared.greeting(name, request.args.get("greeting"))


@quart.get("/stream/<int:count>")
async def stream(count):
    return Response(shared.lines(count), content_type="text/plain")


@quart.post("/upload")
async def upload():
    checksum = shared.Checksum()
    async for piece in request.body:
        checksum.update(piece)
    return checksum.result()


@quart.get("/file")
async def file():
    return await send_file(shared.FILE, mimetype="application/octet-stream", conditional=True)


@quart.get("/ticking")
async def ticking():
    return Response(shared.ticking(), content_type="text/plain")


@quart.get("/silent")
async def silent():
    return Response(shared.silent(), content_type="text/plain")


@quart.get("/state")
async def state():
    return {"state": current_app.config["WORD"]}


@quart.get("/boom")
async def boom():
    raise RuntimeError("boom as asked")


app = shared.Watched(quart)
