"""A sound Django application. It takes no lifespan and no WebSockets."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    LOGGING_CONFIG=None,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
django.setup()


async def home(request):
    return JsonResponse({"method": request.method, "address": request.META.get("REMOTE_ADDR")})


def blocking(request):
    return HttpResponse(request.build_absolute_uri())


async def numbers():
    for number in range(20):
        yield b"%d\n" % number


async def stream(request):
    return StreamingHttpResponse(numbers(), content_type="text/plain")


@csrf_exempt
async def upload(request):
    return JsonResponse({"size": len(request.body), "form": len(request.POST)})


urlpatterns = [
    path("", home),
    path("blocking", blocking),
    path("stream", stream),
    path("upload", upload),
]
app = get_asgi_application()
