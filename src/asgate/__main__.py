"""`python -m asgate`, and the command.

CTRL+C may come while our own modules are imported, for a tenth of a second in which there is nothing to end in order.
An exception would get lost in whatever is imported at that moment, or show all of our frames.
"""

import os
import signal
import sys
import threading
from typing import NoReturn


def main() -> None:
    """The entry point: exits with a code of `errors.Exit`."""
    mine = threading.current_thread() is threading.main_thread()
    mine = mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if mine:
        signal.signal(signal.SIGINT, _interrupted)
    from asgate import cli

    if sys.platform != "win32":
        from asgate.server import command  # noqa: F401 - which every command needs
    if mine:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


def _interrupted(*_: object) -> NoReturn:
    try:
        os.write(2, b"asgate: interrupted\n")
    finally:
        os._exit(130)


if __name__ == "__main__":
    main()
