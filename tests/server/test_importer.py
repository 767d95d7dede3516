import traceback

import pytest

from asgate.errors import Exit, Failure
from asgate.observe.tracebacks import outside
from asgate.server.importer import call_factory, described, import_target

APP = "async def app(scope, receive, send): ...\n"
MODULE = (
    APP
    + """
import asyncio
from functools import wraps

class Site:
    inner = app

site = Site()
number = 5

def make():
    return app

async def make_async():
    return app

def exits():
    raise SystemExit(3)

def make_broken():
    raise ValueError("no database")

def make_needs(thing):
    return app

def make_coroutine():
    return make_async()
"""
)


@pytest.mark.parametrize(
    ("target", "options", "name"),
    [
        ("site1:app", {}, "app"),
        ("site1:site.inner", {}, "app"),
        ("site1:Site", {}, "Site"),
        ("site1:make", {"factory": True}, "app"),
        ("pack.inner.site2:app", {}, "app"),
        ("site3:app", {"app_dir": "elsewhere"}, "app"),
    ],
)
def test_targets(project, target, options, name):
    project("site1.py", MODULE)
    project("pack/inner/site2.py", APP)
    project("elsewhere/site3.py", APP)
    assert import_target(target, **options).__name__ == name


WRONG = [
    ("site4", {}, "the target site4 is not module:attribute", "for example site4:app"),
    ("site4:", {}, "is not module:attribute", "site4:app"),
    (":app", {}, "is not module:attribute", "main:app"),
    ("site4:app()", {}, "is not module:attribute", "dotted names"),
    ("site4.py:app", {}, "the target site4.py:app is a path, not a module", "write site4:app"),
    ("./pack/main.py", {}, "is a path, not a module", "write pack.main:app"),
    ("sitte4:app", {}, "no module named sitte4 for the target sitte4:app", "did you mean 'site4'"),
    ("nothing.like:app", {}, "no module named nothing for the target", "--app-dir"),
    ("pack.mian:app", {}, "no module named pack.mian", "did you mean 'main'"),
    ("site4:ap", {}, "the module site4 has no attribute ap for the target site4:ap", "did you mean 'app'"),
    ("site4:zzz", {}, "the module site4 has no attribute zzz", "callable there: app, exits, make"),
    ("empty:app", {}, "the module empty has no attribute app", "nothing callable"),
    ("site4:site.iner", {}, "an object of type Site has no attribute iner", "did you mean 'inner'"),
    ("site4:app", {"app_dir": "none"}, "the directory none of --app-dir does not exist", ""),
    ("site4:make_async", {"factory": True}, "the factory site4:make_async is async", "plain def"),
    ("site4:make_coroutine", {"factory": True}, "returned a coroutine", "plain def"),
    ("site4:make_needs", {"factory": True}, "cannot be called without arguments", "leave out --factory"),
    ("site4:app", {"factory": True}, "site4:app is no factory: it takes (scope, receive, send)", "leave out"),
    ("site4:number", {"factory": True}, "an object of type int cannot be called", "leave out --factory"),
]


@pytest.mark.parametrize(("target", "options", "sentence", "hint"), WRONG)
def test_wrong_targets(project, target, options, sentence, hint):
    project("site4.py", MODULE)
    project("pack/main.py", APP)
    project("empty.py", "from os.path import join\n")
    with pytest.raises(Failure) as caught:
        import_target(target, **options)
    assert sentence in caught.value.sentence
    assert hint in caught.value.hint
    assert caught.value.exit_code is Exit.TARGET
    assert caught.value.cause is None


@pytest.mark.parametrize(
    ("text", "error", "last_line"),
    [
        ("import not_installed_anywhere", "ModuleNotFoundError", "import not_installed_anywhere"),
        ("from os import nothing_such", "ImportError", "from os import nothing_such"),
        ("import site5.app", "ModuleNotFoundError", "import site5.app"),
        ("def broken(:", "SyntaxError", "def broken(:"),
        ("1 / 0", "ZeroDivisionError", "1 / 0"),
    ],
)
def test_an_error_in_the_application_keeps_its_own_traceback(project, text, error, last_line):
    project("site5.py", text)
    with pytest.raises(Failure) as caught:
        import_target("site5:app")
    failure = caught.value
    assert failure.exit_code is Exit.APPLICATION
    assert failure.sentence == f"importing site5:app raised {error}"
    cause = failure.cause
    shown = "".join(traceback.format_exception(type(cause), cause, outside(cause.__traceback__)))
    assert last_line in shown
    assert "importer.py" not in shown
    assert "importlib" not in shown


def test_a_factory_that_raises_keeps_its_traceback(project):
    project("site6.py", MODULE)
    with pytest.raises(Failure, match="raised ValueError") as caught:
        import_target("site6:make_broken", factory=True)
    assert caught.value.exit_code is Exit.APPLICATION
    frames = traceback.extract_tb(outside(caught.value.cause.__traceback__))
    assert [frame.name for frame in frames] == ["make_broken"]


@pytest.mark.parametrize("target", ["exiting:app", "site7:exits"])
def test_an_exit_is_no_application(project, target):
    project("site7.py", MODULE)
    project("exiting.py", "raise SystemExit(3)")
    with pytest.raises(Failure, match=r"ended with SystemExit\(3\)") as caught:
        import_target(target, factory=True)
    assert caught.value.exit_code is Exit.APPLICATION
    assert "__main__" in caught.value.hint


def test_a_type_error_inside_a_factory_is_the_factorys(project):
    def factory():
        return len(5)

    with pytest.raises(Failure, match="raised TypeError") as caught:
        call_factory(factory, "factory")
    assert caught.value.exit_code is Exit.APPLICATION


def test_names_of_objects():
    class Site: ...

    async def app(scope, receive, send): ...

    assert described(app).endswith("test_names_of_objects.<locals>.app")
    assert described(Site()).endswith("Site")
