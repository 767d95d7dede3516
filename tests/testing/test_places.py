"""The application's own line is named, and not the library's that it waits in."""

import asyncio
import shutil
import sys
import sysconfig
import threading

import pytest

from asgate.testing.places import (
    CLAIMED,
    Place,
    claim,
    innermost,
    of_coroutine,
    of_frame,
    of_traceback,
    source,
)


def test_a_task_that_waits_in_a_library():
    async def waits():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        place = innermost(of_coroutine(task.get_coro()))
        task.cancel()
        return place

    assert asyncio.run(main()).endswith("in waits")


def test_a_thread_that_waits_in_a_library():
    begun, done = threading.Event(), threading.Event()

    def waits():
        begun.set()
        done.wait(60)

    thread = threading.Thread(target=waits)
    thread.start()
    begun.wait(60)
    place = innermost(of_frame(sys._current_frames()[thread.ident]))
    done.set()
    thread.join()
    assert place.endswith("in waits")


def test_an_exception_out_of_a_library():
    def raises():
        asyncio.run(None)

    try:
        raises()
    except ValueError as error:
        assert innermost(of_traceback(error.__traceback__)).endswith("in raises")


def test_installed_packages_are_not_the_application():
    own = Place("/srv/app.py", 5, "app")
    assert (
        innermost([own, Place("/srv/.venv/lib/python3/site-packages/x/y.py", 1, "wait")])
        == "/srv/app.py:5 in app"
    )
    alone = [Place("/usr/lib/python3/dist-packages/x.py", 1, "wait")]
    assert innermost(alone) == "/usr/lib/python3/dist-packages/x.py:1 in wait"
    assert innermost([]) == ""


def test_a_path_is_short_where_it_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Place(str(tmp_path / "app.py"), 5, "app")) == "app.py:5 in app"


def test_a_path_is_whole_when_the_directory_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(Place("/srv/app.py", 5, "app")) == "/srv/app.py:5 in app"


@pytest.mark.parametrize("file", ["site/asgi.py", "site.py"])
def test_an_installed_package_may_be_the_application(file):
    folder = f"{sysconfig.get_path('purelib')}/"
    places = [Place(f"{folder}{file}", 5, "app"), Place(f"{folder}library/x.py", 1, "wait")]
    assert innermost(places).endswith("x.py:1 in wait")
    claim("site.asgi:app")
    try:
        assert innermost(places).endswith(f"{file}:5 in app")
    finally:
        CLAIMED.clear()


def test_the_source_of_a_target_below_the_working_directory(tmp_path, monkeypatch):
    for name in ("main.py", "shop/__init__.py", "shop/web.py", "src/site.py", "here/inner.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    assert source("main:app", ".") == source("main", ".") == "main.py"
    assert source("shop:make.app", ".") == "shop/__init__.py"
    assert source("shop.web:app", str(tmp_path)) == "shop/web.py"
    assert source("site:app", "src") == "src/site.py"
    assert source("missing:app", ".") == ""
    monkeypatch.chdir(tmp_path / "here")
    assert source("main:app", "..") == ""
    assert source("here.inner:app", "..") == "inner.py"
    shutil.rmtree(tmp_path / "here")
    assert source("main:app", str(tmp_path)) == ""
