"""From a target (`package.module:attribute`) to an application that can be served, or a sentence that says
why not.

The application's own errors keep their traceback (`Failure.cause`), from the first frame that is not ours on.
`interface.py` decides which calling convention the result has.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from asgate.errors import Exit, Failure, did_you_mean
from asgate.observe.tracebacks import outside
from asgate.spec.interface import accepts


def import_target(target: str, *, factory: bool = False, app_dir: str = ".") -> Any:
    """The application behind `target`; with `factory`, what the function behind it returns.

    Raises `Failure`: TARGET for something that is not there or no application, APPLICATION (with its cause)
    when the application's code raises.
    """
    module_name, attribute = _split(target)
    if not Path(app_dir).is_dir():
        raise Failure(Exit.TARGET, f"the directory {app_dir} of --app-dir does not exist")
    extend_path(app_dir)
    found = _attribute(_module(module_name, target), attribute, target)
    return call_factory(found, target) if factory else found


def extend_path(app_dir: str) -> None:
    """Lets the application's directory be imported from: for the target, and what its options name."""
    if Path(app_dir).is_dir() and (path := str(Path(app_dir).resolve())) not in sys.path:
        sys.path.insert(0, path)


def call_factory(function: Any, name: str) -> Any:
    """What the factory returns; a factory that raises is the application's fault, an async one is a wrong
    target.
    """
    if not callable(function):
        raise Failure(
            Exit.TARGET, f"{name} is no factory: {_kind(function)} cannot be called", "leave out --factory"
        )
    if inspect.iscoroutinefunction(function) and accepts(function, 3) and not accepts(function, 0):
        raise Failure(
            Exit.TARGET, f"{name} is no factory: it takes (scope, receive, send)", "leave out --factory"
        )
    if inspect.iscoroutinefunction(function):
        raise Failure(
            Exit.TARGET,
            f"the factory {name} is async: a factory returns the application directly",
            "make it a plain def",
        )
    try:
        made = function()
    except Exception as error:
        if not outside(error.__traceback__) and isinstance(error, TypeError):
            raise Failure(
                Exit.TARGET, f"{name} cannot be called without arguments: {error}", "leave out --factory"
            ) from None
        raise Failure(
            Exit.APPLICATION, f"the factory {name} raised {type(error).__name__}", cause=error
        ) from None
    except SystemExit as error:
        raise _ended(f"the factory {name}", error) from None
    if inspect.iscoroutine(made):
        made.close()
        raise Failure(
            Exit.TARGET, f"the factory {name} returned a coroutine, not an application", "make it a plain def"
        )
    return made


def _split(target: str) -> tuple[str, str]:
    module, colon, attribute = target.partition(":")
    if module.endswith(".py") or "/" in module:
        dotted = module.removesuffix(".py").strip("./").replace("/", ".")
        raise Failure(
            Exit.TARGET,
            f"the target {target} is a path, not a module",
            f"write {dotted}:{attribute or 'app'}",
        )
    if not colon or not attribute or not module:
        raise Failure(
            Exit.TARGET, f"the target {target} is not module:attribute", f"for example {module or 'main'}:app"
        )
    if not all(part.isidentifier() for part in f"{module}.{attribute}".split(".")):
        raise Failure(
            Exit.TARGET, f"the target {target} is not module:attribute", "only dotted names on both sides"
        )
    return module, attribute


def _module(name: str, target: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if outside(error.__traceback__) or not f"{name}.".startswith(f"{missing}."):
            raise _broken(target, error) from None
        near = did_you_mean(missing.rpartition(".")[2], _modules_beside(missing))
        hint = (
            near or f"looked in {sys.path[0]} and the installed packages, --app-dir names another directory"
        )
        raise Failure(Exit.TARGET, f"no module named {missing} for the target {target}", hint) from None
    except Exception as error:
        raise _broken(target, error) from None
    except SystemExit as error:
        raise _ended(f"importing {target}", error) from None


def _broken(target: str, error: BaseException) -> Failure:
    return Failure(Exit.APPLICATION, f"importing {target} raised {type(error).__name__}", cause=error)


def _ended(what: str, error: SystemExit) -> Failure:
    """Its exit code would be taken for one of ours, and nobody would know what ended."""
    return Failure(
        Exit.APPLICATION,
        f"{what} ended with SystemExit({error.code!r})",
        "code that ends the program belongs under `if __name__ == '__main__':`",
        cause=error,
    )


def _modules_beside(name: str) -> list[str]:
    parent = name.rpartition(".")[0]
    roots = list(sys.modules[parent].__path__) if parent in sys.modules else sys.path[:1]
    return [
        entry.stem
        for root in roots
        if Path(root).is_dir()
        for entry in Path(root).iterdir()
        if entry.suffix == ".py" or (entry.is_dir() and entry.name.isidentifier())
    ]


def _attribute(module: ModuleType, path: str, target: str) -> Any:
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            candidates = _callables(found)
            near = did_you_mean(name, candidates)
            listed = ", ".join(candidates[:8])
            hint = near or (f"callable there: {listed}" if listed else "nothing callable is defined there")
            where = f"the module {module.__name__}" if found is module else _kind(found)
            raise Failure(
                Exit.TARGET, f"{where} has no attribute {name} for the target {target}", hint
            ) from None
    return found


def _callables(owner: Any) -> list[str]:
    """Public callables, those that look like applications first: instances and functions before classes."""
    names = [name for name in dir(owner) if not name.startswith("_") and callable(getattr(owner, name, None))]
    if isinstance(owner, ModuleType):
        names = [name for name in names if not _borrowed(getattr(owner, name), owner)]
    return sorted(names, key=lambda name: (inspect.isclass(getattr(owner, name)), name))


def _borrowed(thing: Any, module: ModuleType) -> bool:
    """True for functions and classes that the module only imported."""
    defined = isinstance(thing, type) or inspect.isfunction(thing) or inspect.isbuiltin(thing)
    return defined and getattr(thing, "__module__", None) != module.__name__


def _kind(thing: Any) -> str:
    return f"an object of type {type(thing).__name__}"


def described(application: Callable[..., Any]) -> str:
    """A name for an application that was handed over as an object."""
    name = getattr(application, "__qualname__", None) or type(application).__qualname__
    module = getattr(application, "__module__", None) or type(application).__module__
    return f"{module}:{name}"
