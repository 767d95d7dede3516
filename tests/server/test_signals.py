import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from asgate.server.signals import STOPPING, Stopped, captured, stoppable

pytestmark = pytest.mark.usefixtures("hangups")
REPEATED = (signal.SIGINT, signal.SIGTERM)


def told_of(run, *numbers):
    """What is told when these signals come one after the other; the last must be one that counts."""

    async def main():
        told = asyncio.Queue()
        words = []
        with captured(asyncio.get_running_loop(), told.put_nowait):
            for number in numbers:
                os.kill(os.getpid(), number)
            while numbers[-1].name not in words:
                words.append(await told.get())
        return words

    return run(main())


@pytest.mark.parametrize("number", REPEATED, ids=lambda number: number.name)
def test_the_first_two_are_told_on_the_loop(run, number):
    async def main():
        told = asyncio.Queue()
        with captured(asyncio.get_running_loop(), told.put_nowait):
            os.kill(os.getpid(), number)
            first = await told.get()
            os.kill(os.getpid(), number)
            return first, await told.get()

    assert run(main()) == (number.name, number.name)


def test_a_closed_terminal_asks_for_a_stop(run):
    assert told_of(run, signal.SIGHUP) == ["SIGHUP"]


def test_a_closed_terminal_may_say_so_several_times(run):
    assert told_of(run, signal.SIGHUP, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM) == ["SIGHUP", "SIGTERM"]


def test_a_closed_terminal_does_not_hurry_a_stop(run):
    assert told_of(run, signal.SIGTERM, signal.SIGHUP, signal.SIGINT) == ["SIGTERM", "SIGINT"]


def test_with_nohup_it_stays_ignored(run):
    async def main():
        with captured(asyncio.get_running_loop(), print):
            return signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    hangup, term = run(main())
    assert hangup is signal.SIG_IGN
    assert term not in (signal.SIG_IGN, signal.SIG_DFL)


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_what_was_set_before_is_restored(run, number):
    def mine(number, frame): ...

    previous = signal.signal(number, mine)
    try:

        async def main():
            with captured(asyncio.get_running_loop(), print):
                assert signal.getsignal(number) is not mine

        run(main())
        assert signal.getsignal(number) is mine
    finally:
        signal.signal(number, previous)


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


def test_the_second_says_that_the_loop_is_blocked():
    code = STUCK.replace(
        "async def main", "from asgate.server import signals\nsignals.PATIENCE = 0\nasync def main"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # two of the same that come together would count once
        threading.Timer(20, process.kill).start()
        assert "the application blocks the event loop" in process.stderr.readline()
        process.kill()


@pytest.mark.parametrize("number", REPEATED, ids=lambda number: number.name)
def test_the_third_ends_even_a_loop_that_never_turns(number):
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None:
            process.send_signal(number)
    assert process.returncode == -number


def test_a_handler_that_is_set_during_an_import_stays_and_others_are_restored():
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        with stoppable():
            signal.signal(signal.SIGHUP, own := lambda *_: None)
            os.kill(os.getpid(), signal.SIGHUP)
        assert [signal.getsignal(number) for number in STOPPING] == [
            before[signal.SIGINT],
            before[signal.SIGTERM],
            own,
        ]
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])


def test_a_second_signal_does_not_disturb_how_an_import_is_left():
    with pytest.raises(Stopped, match="SIGTERM"), stoppable():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
