"""`asgate check` as it is typed."""

import json
from xml.etree import ElementTree

import pytest

from asgate.conformance.check.command import check

FAULTY = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [("a", "b")]})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


async def renamed(scope, receive, send):
    scope["path"] = "caf\\udce9"  # as os.listdir gives names that are no UTF-8
    await send({"type": "http.response.start", "status": 200, "headers": [("a", "b")]})


def make():
    return app


async def raising(scope, receive, send):
    raise ValueError("always")


async def echo(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("HTTP only")
    while (event := await receive())["type"] == "http.request" and event.get("more_body"):
        pass
    if event["type"] == "http.request":
        print(dict(scope["headers"])[b"content-type"].decode())
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})


async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "faulty_app.py").write_text(FAULTY)
    return tmp_path


def test_a_sound_application(typed):
    code, out, _ = typed("plain_app:app")
    assert code == 0
    assert "nothing found" in out
    assert "GET /" in out


def test_a_finding_says_clause_place_advice_and_messages(typed, folder):
    code, out, _ = typed("faulty_app:app", "--lifespan=off", folder=folder)
    assert code == 11
    assert "MUST  ASGI-101  http GET /" in out
    assert "change: give headers as" in out
    assert "| send: http.response.start" in out


def test_a_factory(typed, folder):
    assert typed("faulty_app:make", "--factory", "--lifespan=off", folder=folder)[0] == 11


def test_json(typed, folder):
    code, out, _ = typed("faulty_app:app", "--lifespan=off", "--format=json", folder=folder)
    verdict = json.loads(out)
    assert code == 11
    assert verdict["schema"] == 1
    first = next(finding for finding in verdict["findings"] if finding["clause"] == "ASGI-101")
    assert first["where"] == ["http GET /", "http HEAD /"]
    assert first["count"] > 2
    assert first["trace"]


def test_junit(typed, folder):
    _, out, _ = typed("faulty_app:app", "--lifespan=off", "--format=junit", folder=folder)
    root = ElementTree.fromstring(out)
    assert int(root.get("failures")) >= 1
    assert root.findall(".//testcase/failure")


def test_sarif(typed, folder):
    _, out, _ = typed("faulty_app:app", "--lifespan=off", "--format=sarif", folder=folder)
    (run,) = json.loads(out)["runs"]
    assert "ASGI-101" in {result["ruleId"] for result in run["results"]}
    assert run["tool"]["driver"]["name"] == "asgate check"
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert all(place["artifactLocation"] == {"uri": "faulty_app.py"} for place in places)


def test_sarif_of_what_was_not_judged(typed, folder):
    _, out, _ = typed("faulty_app:missing", "--format=sarif", folder=folder)
    (result,) = json.loads(out)["runs"][0]["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "faulty_app.py"}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "faulty_app:missing"


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif"])
def test_a_report_holds_whatever_an_application_gives(typed, folder, form):
    wish = ("faulty_app:renamed", "--lifespan=off", f"--format={form}")
    code, out, _ = typed(*wish, folder=folder)
    assert (code, "udce9" in out) == (11, True)
    assert typed(*wish, "--output=report", folder=folder)[0] == 11
    assert "udce9" in (folder / "report").read_text("utf-8")


def test_the_report_is_written(typed, folder):
    path = folder / "report.txt"
    code, out, err = typed("faulty_app:app", "--lifespan=off", "--output", path, folder=folder)
    assert (code, out) == (11, "")
    assert "ASGI-101" in path.read_text()
    assert "MUST" in err


@pytest.mark.parametrize("place", ["missing/report", ".", "faulty_app.py/report"])
def test_a_report_that_cannot_be_written_is_found_before_the_application(typed, folder, place):
    (folder / "loud.py").write_text("print('imported')\nasync def app(*_): ...\n")
    code, out, err = typed("loud:app", "--output", place, folder=folder)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert f"the report cannot be written to {place}: " in err


def test_a_report_that_is_there_stays_until_the_new_one(typed, folder):
    (folder / "report.txt").write_text("the old one")
    assert typed("missing:app", "--output", "report.txt", folder=folder)[0] == 5
    assert (folder / "report.txt").read_text().startswith("missing:app")


def test_what_was_not_judged_fails_whatever_fail_on_says(typed, folder):
    code, out, _ = typed("faulty_app:raising", "--fail-on=never", folder=folder)
    assert code == 11
    assert "NOT JUDGED  GET /\n    raised ValueError('always'), at faulty_app.py:" in out
    assert "4 subjects: 2 not judged" in out
    _, out, _ = typed("faulty_app:raising", "--format=junit", folder=folder)
    failures = ElementTree.fromstring(out).findall(".//failure")
    assert [failure.get("message")[:27] for failure in failures] == ["raised ValueError('always')"] * 2
    _, out, _ = typed("faulty_app:raising", "--format=sarif", folder=folder)
    (run,) = json.loads(out)["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "error"]


def test_an_application_that_is_installed_has_lines_of_its_own(typed, folder):
    installed = folder / "site-packages"
    installed.mkdir()
    (installed / "site_app.py").write_text("import json\nasync def app(*_):\n    json.loads('')\n")
    _, out, _ = typed("site_app:app", "--app-dir", installed, folder=folder)
    assert ", at site-packages/site_app.py:3 in app; no answer in " in out


@pytest.mark.parametrize(
    ("options", "subject", "kind"),
    [
        (["--body={}"], "POST /", "application/json"),
        (["--body=@item.json"], "POST /", "application/json"),
        (["--body=<a/>", "--content-type=text/xml", "--method=PUT"], "PUT /", "text/xml"),
    ],
)
def test_a_body(typed, folder, options, subject, kind):
    (folder / "item.json").write_text("{}")
    code, out, err = typed("faulty_app:echo", *options, "--path=/", "--format=json", folder=folder)
    assert code == 0, err
    assert subject in {entry["where"] for entry in json.loads(out)["seen"]}
    assert set(err.split()) == {kind}


def test_a_body_that_is_not_there(typed, folder):
    assert typed("faulty_app:echo", "--body=@missing", folder=folder)[0] == 2
    assert typed("faulty_app:echo", "--content-type=text/xml", folder=folder)[0] == 2


def test_a_schema_that_is_not_there(typed):
    code, _, err = typed("plain_app:app", "--openapi=/missing.json")
    assert code == 2
    assert "no OpenAPI schema at /missing.json: the answer is 200, no content-type: Expecting value" in err


@pytest.mark.parametrize("form", ["json", "junit", "sarif"])
def test_a_report_of_an_application_that_does_not_start(typed, folder, form):
    code, out, err = typed("faulty_app:failing", f"--format={form}", folder=folder)
    assert code == 3
    assert "no database" in out
    assert "no database" in err
    if form == "json":
        (unjudged,) = json.loads(out)["not_judged"]
        assert unjudged["where"] == "faulty_app:failing"


@pytest.mark.parametrize(
    ("name", "sentence", "hint"),
    [
        ("make", "is not an ASGI application: it does not take 3 arguments", "add --factory"),
        ("Sound", "is a class: its instances are ASGI applications", "such as app = Sound()"),
        ("wsgi", "is not an ASGI application: it does not take 3 arguments", "a2wsgi"),
        ("number", "is not callable: it is an object of type int", "an async callable"),
        (
            "one",
            "is not an ASGI application: it does not take 3 arguments",
            "_asgi_double_callable = True on it",
        ),
    ],
)
def test_what_is_no_application_is_told_as_when_it_is_served(typed, folder, name, sentence, hint):
    (folder / "wrong_app.py").write_text(
        "def make(): ...\nclass Sound:\n    async def __call__(self, scope, receive, send): ...\n"
        "def wsgi(environ, start_response): ...\nnumber = 7\nasync def one(scope): ...\n"
    )
    code, out, err = typed(f"wrong_app:{name}", folder=folder)
    assert (code, out) == (5, "")
    assert err.startswith(f"asgate: wrong_app:{name} {sentence}")
    assert hint in err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["plain_app:missing"], 5),
        (["plain_app:app", "--output="], 2),
        (["plain_app:app", "--timeout=nan"], 2),
        (["plain_app:app", "--openapi=/missing.json"], 2),
        (["plain_app:app", "--timeout=0"], 2),
        (["plain_app:app", "--header=nonsense"], 2),
        (["plain_app:app", "--unsafe", "--path=/"], 2),
        (["plain_app:app", "--unsafe", "--websocket=/"], 2),
        (["plain_app:app", "--unsafe", "--no-openapi"], 2),
        (["plain_app:app", "--unsafe"], 0),
        (["plain_app:app", "--header=a: b"], 0),
        (["plain_app:app", "--fail-on=never"], 0),
    ],
)
def test_exit_codes(typed, options, code):
    assert typed(*options)[0] == code


def test_an_application_that_does_not_start(typed, folder):
    code, _, err = typed("faulty_app:failing", folder=folder)
    assert code == 3
    assert "no database" in err


def test_an_option_without_its_argument_has_a_hint_of_this_command(typed):
    assert typed("plain_app:app", "--path")[2].endswith("hint: see asgate check --help\n")


def test_every_option_has_a_help():
    assert all(option.help for option in check(None).params[1:])
