"""The shared routes with Django's ASGI handler. Django takes no lifespan events."""

import django
import shared
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    LOGGING_CONFIG=None,
)
django.setup()


async def hello(request, name):
    return JsonResponse(shared.greeting(name, request.GET.get("greeting")))


async def stream(request, count):
    return StreamingHttpResponse(shared.lines(count), content_type="text/plain")


@csrf_exempt
async def upload(request):
    checksum = shared.Checksum()
    while piece := request.read(65536):
        checksum.update(piece)
    return JsonResponse(checksum.result())


def file(request):
    return FileResponse(shared.FILE.open("rb"), content_type="application/octet-stream")


async def ticking(request):
    return StreamingHttpResponse(shared.ticking(), content_type="text/plain")


async def silent(request):
    return StreamingHttpResponse(shared.silent(), content_type="text/plain")


async def state(request):
    return JsonResponse({"state": request.scope["state"].get("word")})


async def boom(request):
    raise RuntimeError("boom as asked")


urlpatterns = [
    path("hello/<str:name>", hello),
    path("stream/<int:count>", stream),
    path("upload", upload),
    path("file", file),
    path("ticking", ticking),
    path("silent", silent),
    path("state", state),
    path("boom", boom),
]
app = shared.Watched(get_asgi_application())
