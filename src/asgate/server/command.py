"""What the command and `asgate.run` do around a `Server`: options from everywhere, logging, the loop,
signals, exit codes.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from asgate.config.load import Loaded, load
from asgate.config.options import table
from asgate.config.settings import Settings
from asgate.errors import Exit, Failure
from asgate.observe import logs
from asgate.observe.logs import JsonFormatter, escaped, indented
from asgate.observe.tracebacks import outside
from asgate.server.descriptors import raise_limit
from asgate.server.importer import extend_path
from asgate.server.loops import loop_factory, named, run_on
from asgate.server.server import Server
from asgate.server.signals import Stopped, captured, ignore, stoppable
from asgate.streams import opened, remark

THREADS_LIMIT = 5.0  # seconds that threads of the application may still take when everything else is over
log = logging.getLogger("asgate")


def run(app: Any = None, /, **options: Any) -> None:
    """Serves until SIGINT, SIGTERM or SIGHUP, as `asgate run` does: with its options as keywords, its environment
    and its files.

    `app` is an application or a target. Exits with the command's exit code (`SystemExit`) unless all went
    well. Raises RuntimeError on a running event loop.
    """
    if _loop_runs():
        raise RuntimeError("an event loop runs already: use `async with asgate.Server(app)` on it")
    if isinstance(app, str):
        options["target"], app = app, None
    code = reported(lambda: serve(load(options), app), options.get("log_format"))
    if code != Exit.OK:
        raise SystemExit(int(code))


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def serve(loaded: Loaded, app: Any = None, *, take_over: bool = False) -> int:
    """Serves with these settings and returns the exit code.

    `take_over`: the process is ours alone, inherited sockets and signals included, and ends afterwards. Raises
    `Failure` for what the user can put right.
    """
    settings = loaded.settings
    if take_over:
        opened()
    if app is None:  # a filter of --log-config and a --loop may stand beside the target
        extend_path(settings.app_dir)
    logs.configure(settings)
    for said in loaded.remarks:
        log.warning("%s", said)
    try:
        return run_on(loop_factory(settings.loop), lambda: _main(app, settings, take_over))
    except KeyboardInterrupt:
        failure = Failure(Exit.INTERRUPTED, "interrupted")
    except Failure as error:
        failure = error
    if logs.unheard() or (settings.log_format != "json" and settings.log_config is None):
        raise failure
    log.error("%s", failure, exc_info=_trace(failure))
    return failure.exit_code


async def _main(app: Any, settings: Settings, take_over: bool) -> Exit:
    server = Server.with_settings(app, settings, take_over=take_over)
    log.debug("the event loop is %s, Python %s", named(asyncio.get_running_loop()), platform.python_version())
    try:
        with stoppable(for_good=take_over):
            _load(server, settings)
    except Stopped as stopped:
        log.info("stopping (%s)", stopped)
        log.info("stopped before it served")
        return Exit.OK
    if (few := raise_limit(settings.limit_connections)) is not None:
        log.warning(
            "only %d descriptors may be open, too few for %d connections (limit_connections): "
            "raise the hard limit (`ulimit -n`, systemd `LimitNOFILE=`)",
            few,
            settings.limit_connections,
        )
    with captured(asyncio.get_running_loop(), server.ask_to_stop, for_good=take_over):
        return await server.serve(note=" (Press CTRL+C to stop)")


def _load(server: Server, settings: Settings) -> None:
    try:
        server.load()  # on the loop, for applications that ask for it at import
    except Stopped:
        raise
    except KeyboardInterrupt:
        what = settings.target or "the application"
        raise Failure(Exit.INTERRUPTED, f"interrupted while {what} was imported") from None


def reported(action: Callable[[], int], log_format: object = None) -> int:
    """The exit code of `action`; a failure is told on stderr.

    `log_format`: as it was given, for failures that come before all options are known.
    """
    try:
        return action()
    except KeyboardInterrupt:
        failure = Failure(Exit.INTERRUPTED, "interrupted")
    except Failure as error:
        failure = error
    wanted = log_format or os.environ.get(table()["log_format"].env, "")
    tell(failure, json_line=str(wanted).strip().lower() == "json")
    return failure.exit_code


def tell(failure: Failure, *, json_line: bool = False) -> None:
    """One sentence and a hint on stderr; before it the traceback of the application's own error, without our
    frames. Or all of it in one line of JSON.
    """
    trace = _trace(failure)
    if json_line:
        record = log.makeRecord(log.name, logging.ERROR, "", 0, "%s", (failure,), trace)
        remark(JsonFormatter().format(record))
        return
    if trace is not None:
        remark("".join(traceback.format_exception(*trace)), nl=False)
    hint = f"\n  hint: {escaped(failure.hint)}" if failure.hint else ""
    remark(f"asgate: {indented(failure.sentence)}{hint}")


def _trace(failure: Failure) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    cause = failure.cause
    return None if cause is None else (type(cause), cause, outside(cause.__traceback__))


def stay_calm() -> None:
    """To be called first in the process: what is registered first with `atexit` comes last."""
    if threading.current_thread() is threading.main_thread():
        atexit.register(ignore)


def leave(code: int) -> NoReturn:
    """Ends the process with the code, even when threads of the application do not end: a stop always ends.

    The interpreter does what it does at every exit: it sends idle executors home, waits for threads and calls
    what `atexit` has. A watchdog ends it only if a thread is stuck.
    """
    with contextlib.suppress(RuntimeError):  # no thread to be had
        threading.Thread(target=_watch, args=(code,), name="asgate watchdog", daemon=True).start()
    sys.exit(code)


def _watch(code: int) -> None:
    time.sleep(THREADS_LIMIT)
    main = threading.main_thread()
    stuck = [thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main]
    if not stuck:  # functions of `atexit` take as long as they need
        return
    try:
        log.warning(
            "left behind: %d thread(s) of the application still run: %s", len(stuck), ", ".join(stuck)
        )
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
