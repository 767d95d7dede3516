"""WebSockets with Django Channels: the routes of test_websocket_apps.py twice, with consumers that are coroutines
under `/async`, and with consumers that run in threads under `/sync`.
"""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    LOGGING_CONFIG=None,
)
django.setup()

import websockets_shared as shared  # noqa: E402 (Channels needs the settings)
from asgiref.sync import async_to_sync  # noqa: E402
from channels.generic.websocket import (  # noqa: E402
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402


def _answer(scope, said):
    greeting = scope["query_string"].decode().partition("greeting=")[2] or None
    return {"name": scope["url_route"]["kwargs"]["name"], "said": said, "greeting": greeting}


def _asked(scope):
    assert scope["subprotocols"] == shared.SUBPROTOCOLS
    return dict(scope["headers"])[b"x-asked"].decode()


class Json(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(_answer(self.scope, content))


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data, bytes_data)


class Spoken(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept(shared.SUBPROTOCOLS[1], shared.HEADERS)
        await self.send(_asked(self.scope))


class Refused(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close(4001)


class Closed(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.close(4002, shared.REASON)


class Heard(AsyncWebsocketConsumer):
    async def websocket_disconnect(self, message):
        shared.tell_end(message["code"], message.get("reason", ""))
        await super().websocket_disconnect(message)


class Broken(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        raise RuntimeError("broken as asked")


class Room(AsyncWebsocketConsumer):
    groups = ("room",)

    async def connect(self):
        await self.accept()
        await self.send("welcome")

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

    async def said(self, event):
        await self.send(event["text"])


class SyncJson(JsonWebsocketConsumer):
    def receive_json(self, content):
        self.send_json(_answer(self.scope, content))


class SyncEcho(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data, bytes_data)


class SyncSpoken(WebsocketConsumer):
    def connect(self):
        self.accept(shared.SUBPROTOCOLS[1], shared.HEADERS)
        self.send(_asked(self.scope))


class SyncRefused(WebsocketConsumer):
    def connect(self):
        self.close(4001)


class SyncClosed(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.close(4002, shared.REASON)


class SyncHeard(WebsocketConsumer):
    def websocket_disconnect(self, message):
        async_to_sync(self.tell)(message)
        super().websocket_disconnect(message)

    async def tell(self, message):
        shared.tell_end(message["code"], message.get("reason", ""))


class SyncBroken(WebsocketConsumer):
    def connect(self):
        self.accept()
        raise RuntimeError("broken as asked")


class SyncRoom(WebsocketConsumer):
    groups = ("room",)

    def connect(self):
        self.accept()
        self.send("welcome")

    def receive(self, text_data=None, bytes_data=None):
        async_to_sync(self.channel_layer.group_send)("room", {"type": "said", "text": text_data})

    def said(self, event):
        self.send(event["text"])


async def ended(request):
    return JsonResponse(await shared.how_it_ended())


def _routes(prefix, json, **consumers):
    named = [path(f"{prefix}/{name}", consumer.as_asgi()) for name, consumer in consumers.items()]
    return [path(f"{prefix}/json/<str:name>", json.as_asgi()), *named]


urlpatterns = [path("async/ended", ended), path("sync/ended", ended)]
app = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [
                *_routes(
                    "async",
                    Json,
                    echo=Echo,
                    spoken=Spoken,
                    refused=Refused,
                    closed=Closed,
                    heard=Heard,
                    broken=Broken,
                    room=Room,
                ),
                *_routes(
                    "sync",
                    SyncJson,
                    echo=SyncEcho,
                    spoken=SyncSpoken,
                    refused=SyncRefused,
                    closed=SyncClosed,
                    heard=SyncHeard,
                    broken=SyncBroken,
                    room=SyncRoom,
                ),
            ]
        ),
    }
)
