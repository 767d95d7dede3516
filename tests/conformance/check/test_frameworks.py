"""Nothing is found on sound applications."""

import json

import pytest

PLAN = {  # module -> what it needs, and what is asked for
    "plain_app": ("asyncio", ["--path=/", "--websocket=/"]),
    "starlette_app": (
        "starlette",
        [
            "--path=/",
            "--path=/stream",
            "--path=/file",
            "--path=/missing",
            "--websocket=/echo",
            "--websocket=/closed",
            "--websocket=/missing",
        ],
    ),
    "fastapi_app": ("fastapi", ["--path=/", "--websocket=/echo", "--openapi=/openapi.json", "--unsafe"]),
    "django_app": ("django", ["--path=/", "--path=/stream", "--path=/blocking", "--path=/missing"]),
    "quart_app": (
        "quart",
        [
            "--path=/",
            "--path=/stream",
            "--path=/file",
            "--path=/missing",
            "--websocket=/echo",
            "--websocket=/missing",
        ],
    ),
    "litestar_app": (
        "litestar",
        ["--path=/", "--path=/missing", "--websocket=/echo", "--openapi=/schema/openapi.json", "--unsafe"],
    ),
}
UPLOADS = {name: needed for name, (needed, _) in PLAN.items() if name not in ("plain_app", "fastapi_app")}


def found_nothing(outcome):
    code, out, err = outcome
    assert code == 0, out + err
    verdict = json.loads(out)
    assert [finding for finding in verdict["findings"] if finding["level"] != "MAY"] == []
    return {seen["where"]: seen["answer"] for seen in verdict["seen"] if seen["scenario"] == "plain"}


@pytest.mark.parametrize("module", PLAN)
def test_nothing_is_found(module, typed):
    needed, options = PLAN[module]
    pytest.importorskip(needed)
    answers = found_nothing(typed(f"{module}:app", "--format=json", "--timeout=10", *options))
    assert answers["GET /"] == "200"
    assert all(answer[0] in "24ad" for answer in answers.values()), answers  # 2xx, 4xx, accepted, denied


@pytest.mark.parametrize("module", UPLOADS)
def test_nothing_is_found_in_uploads(module, typed):
    pytest.importorskip(UPLOADS[module])
    options = ["--path=/upload", "--method=POST", "--timeout=10", "--format=json"]
    answers = found_nothing(typed(f"{module}:app", *options))
    assert answers["POST /upload"] in ("200", "201")
