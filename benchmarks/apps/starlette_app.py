"""A Starlette application that serves one file; the harness names it in the environment."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

PATH = os.environ["BENCH_FILE"]


async def file(request: Request) -> FileResponse:
    return FileResponse(PATH, media_type="application/octet-stream")


app = Starlette(routes=[Route("/file", file)])
