import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from asgate.server.signals import STOPPING, captured


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_the_first_two_are_told_on_the_loop(run, number):
    async def main():
        told = asyncio.Queue()
        with captured(asyncio.get_running_loop(), told.put_nowait):
            os.kill(os.getpid(), number)
            first = await told.get()
            os.kill(os.getpid(), number)
            return first, await told.get()

    assert run(main()) == (number.name, number.name)


def test_what_was_set_before_is_restored(run):
    def mine(number, frame): ...

    previous = signal.signal(signal.SIGTERM, mine)
    try:

        async def main():
            with captured(asyncio.get_running_loop(), print):
                assert signal.getsignal(signal.SIGTERM) is not mine

        run(main())
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_another_thread_captures_nothing(run):
    seen = []

    async def main():
        with captured(asyncio.get_running_loop(), print):
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    assert seen == [before]


STUCK = """
import asyncio, sys
from asgate.server.signals import captured

async def main():
    with captured(asyncio.get_running_loop(), print):
        print("ready", flush=True)
        while True:
            pass

asyncio.run(main())
"""


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_the_third_ends_even_a_loop_that_never_turns(number):
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None:
            process.send_signal(number)
    assert process.returncode == -number
