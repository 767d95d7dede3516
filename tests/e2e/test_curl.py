"""curl, which millions of clients are made of: versions, uploads, ranges, expectations, kept connections."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.process import PATIENCE, Serve, Serving

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="curl is not installed")
FILE_CONTENT = b"".join(b"%07d\n" % number for number in range(40_000))
UPLOAD = bytes(range(256)) * 8192  # 2 MiB


def curl(
    *arguments: str, given: bytes | None = None, expected: int = 0
) -> subprocess.CompletedProcess[bytes]:
    """Runs curl; with `-v` its stderr tells the heads."""
    quietly = ["--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE)]
    done = subprocess.run(
        [CURL or "curl", *quietly, *arguments],
        input=given,
        capture_output=True,
        check=False,
    )
    assert done.returncode == expected, done.stderr.decode()
    return done


def heads(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines that came, as `-v` shows them."""
    return [line[2:] for line in done.stderr.decode().replace("\r", "").splitlines() if line.startswith("< ")]


@pytest.fixture(scope="module", params=["plain_routes:app", "starlette_app:app"])
def site(request: pytest.FixtureRequest, serve_all: Serve) -> Serving:
    return serve_all(request.param)


@pytest.fixture(scope="module")
def starlette(serve_all: Serve) -> Serving:
    """For ranges, which the plain application does not know."""
    return serve_all("starlette_app:app")


@pytest.mark.clause("ASGI-108", "ASGI-052")
def test_http_1_0_is_never_chunked(site: Serving) -> None:
    done = curl("-v", "--http1.0", f"{site.url}/stream/300")
    assert done.stdout == b"".join(b"line %d\n" % number for number in range(300))
    assert not [line for line in heads(done) if "transfer-encoding" in line.lower()]
    assert "connection: close" in heads(done)


@pytest.mark.clause("ASGI-087", "ASGI-089")
def test_chunked_upload_from_a_pipe(site: Serving) -> None:
    done = curl("-X", "POST", "-T", "-", f"{site.url}/upload", given=UPLOAD)
    found = json.loads(done.stdout)
    assert (found["sha256"], found["bytes"]) == (hashlib.sha256(UPLOAD).hexdigest(), len(UPLOAD))


@pytest.mark.clause("ASGI-092")
def test_expectation_is_met_before_the_body_is_sent(site: Serving) -> None:
    """curl would wait far longer for the 100 than it may run at all."""
    more = ("--expect100-timeout", str(4 * PATIENCE), "-H", "Expect: 100-continue")
    done = curl("-v", *more, "-X", "POST", "-T", "-", f"{site.url}/upload", given=UPLOAD)
    assert heads(done)[0] == "HTTP/1.1 100 Continue"
    assert json.loads(done.stdout)["bytes"] == len(UPLOAD)


@pytest.mark.clause("ASGI-092", "ASGI-121")
def test_expectation_that_is_refused_keeps_the_body_at_home(plain: Serving) -> None:
    more = ("--expect100-timeout", str(4 * PATIENCE), "-H", "Expect: 100-continue", "-w", "%{size_upload}")
    done = curl("-v", *more, "--data-binary", "@-", f"{plain.url}/early", given=UPLOAD)
    assert heads(done)[0].startswith("HTTP/1.1 413")
    assert done.stdout == b"too large0"


@pytest.mark.clause("ASGI-121", "ASGI-098")
def test_early_answer_to_an_upload_is_read(plain: Serving) -> None:
    """Without an expectation curl sends at once; the answer must not be lost in a reset."""
    done = curl("-v", "-H", "Expect:", "--data-binary", "@-", f"{plain.url}/early", given=UPLOAD * 20)
    assert heads(done)[0].startswith("HTTP/1.1 413")
    assert done.stdout == b"too large"


@pytest.mark.clause("ASGI-114", "ASGI-265")
def test_head_has_the_length_and_no_body(site: Serving) -> None:
    done = curl("--head", f"{site.url}/file")
    assert f"content-length: {len(FILE_CONTENT)}" in done.stdout.decode().replace("\r", "").splitlines()


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("0-99", 0, 100), ("1000-", 1000, None), ("-256", -256, None)]
)
def test_ranges_of_a_file(starlette: Serving, asked: str, start: int, end: int | None) -> None:
    done = curl("-v", "-r", asked, f"{starlette.url}/file")
    assert heads(done)[0] == "HTTP/1.1 206 Partial Content"
    assert done.stdout == FILE_CONTENT[start:end]


def test_download_is_continued_where_it_broke_off(starlette: Serving, short_directory: Path) -> None:
    part = short_directory / "part"
    part.write_bytes(FILE_CONTENT[:12_345])
    curl("-C", "-", "-o", str(part), f"{starlette.url}/file")
    assert part.read_bytes() == FILE_CONTENT


def test_connection_is_kept_for_the_next_url(site: Serving) -> None:
    urls = [f"{site.url}/hello/n{number}" for number in range(5)]
    done = curl("-w", "%{num_connects}\n", *[word for url in urls for word in ("-o", "/dev/null", url)])
    assert done.stdout.split() == [b"1", b"0", b"0", b"0", b"0"]


def test_many_at_once(site: Serving) -> None:
    done = curl("--parallel", "--parallel-immediate", "--parallel-max", "40", f"{site.url}/hello/n[1-120]")
    assert done.stdout.count(b'"hello"') == 120


def test_unix_socket(serve: Serve, short_directory: Path) -> None:
    path = short_directory / "server.sock"
    server = serve("plain:app", "--bind", f"unix:{path}")
    assert server.alive
    assert curl("--unix-socket", str(path), "http://e2e.test/hello").stdout == b"Hello, World!"


@pytest.mark.clause("ASGI-280", "ASGI-281", "ASGI-282", "ASGI-284")
def test_trailers_reach_who_asks_for_them(plain: Serving) -> None:
    asked = curl("-v", "--raw", "-H", "TE: trailers", f"{plain.url}/trailers")
    assert asked.stdout.endswith(b"0\r\nx-sum: 42\r\n\r\n")
    assert b"x-sum" not in curl("--raw", f"{plain.url}/trailers").stdout


@pytest.mark.clause("ASGI-270", "ASGI-272")
def test_early_hint_comes_first_and_not_to_http_1_0(plain: Serving) -> None:
    done = curl("-v", f"{plain.url}/hints")
    assert heads(done)[:2] == ["HTTP/1.1 103 Early Hints", "link: </style.css>; rel=preload"]
    assert done.stdout == b"after the hint"
    assert heads(curl("-v", "--http1.0", f"{plain.url}/hints"))[0].startswith("HTTP/1.1 500")


def test_asterisk_and_absolute_form(plain: Serving) -> None:
    assert curl("-X", "OPTIONS", "--request-target", "*", plain.url).stdout == b"Hello, World!"
    done = curl("--noproxy", "", "-x", plain.url, "http://elsewhere.test/scope?a=b")
    assert b"(b'host', b'elsewhere.test')" in done.stdout
    assert b"'path': '/scope'" in done.stdout


@pytest.mark.clause("ASGI-019")
def test_response_that_is_cut_short_is_an_error_for_the_client(plain: Serving) -> None:
    done = curl(f"{plain.url}/boom?begun", expected=18)  # CURLE_PARTIAL_FILE
    assert done.stdout == b"begun\n"
