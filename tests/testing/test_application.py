import pytest

from asgate.spec.findings import Violation
from asgate.testing import Client
from asgate.testing.application import asgi3


class Old:
    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": self.scope["path"].encode()})


async def test_applications_of_asgi_2_are_called_twice():
    assert (await Client(Old).get("/a")).content == b"/a"


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="type str"):
        asgi3("module:app")


async def test_the_validator_may_stand_between():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    with pytest.raises(Violation):
        await Client(app, validate=True).get("/")
