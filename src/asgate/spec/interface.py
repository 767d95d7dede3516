"""Which of the two calling conventions an application has: ASGI 3 or the older ASGI 2."""

import inspect
from collections.abc import Callable
from typing import Any


def is_double_callable(application: Any) -> bool:
    """True for `application(scope)(receive, send)`, by asgiref's rules (ASGI-321)."""
    if getattr(application, "_asgi_single_callable", False):
        return False
    if getattr(application, "_asgi_double_callable", False) or inspect.isclass(application):
        return True
    if inspect.iscoroutinefunction(getattr(application, "__call__", None)):  # noqa: B004 (asgiref's own rule)
        return False
    return not inspect.iscoroutinefunction(application) and accepts(application, 1) is True


def accepts(application: Callable[..., Any], arguments: int) -> bool | None:
    """Whether it can be called with so many positional arguments; None when its signature cannot be read."""
    try:
        inspect.signature(application).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:
        return None
    return True
