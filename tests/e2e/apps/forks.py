"""Forks a child and lets it leave in each way there is, and leaves objects behind that send while the interpreter ends.

The child says its pid in the log, so that the test can tell it to end.
"""

import asyncio
import multiprocessing
import os
import signal
import sys

from plain import answer, body_of, lifespan, say, start


def linger():
    """A child that lives until it is told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # before the test may know the pid: ours are inherited
    say(f"child {os.getpid()} lives")
    while True:
        signal.pause()


async def sys_exit(receive, send):
    if os.fork() == 0:
        say(f"child {os.getpid()} leaves")
        sys.exit(3)
    await answer(send, b"parent")


async def raises(receive, send):
    if os.fork() == 0:
        say(f"child {os.getpid()} leaves")
        raise ValueError("the child")
    await answer(send, b"parent")


async def returns(receive, send):
    child = os.fork() == 0
    if child:
        say(f"child {os.getpid()} leaves")
        return
    await answer(send, b"parent")


async def sends(receive, send):
    """The child sends as if it were the server: nobody may hear of it."""
    if os.fork() == 0:
        say(f"child {os.getpid()} leaves")
        try:
            await answer(send, b"child!")
        finally:
            sys.exit(0)
    await answer(send, b"parent")


async def hard_exit(receive, send):
    if os.fork() == 0:
        say(f"child {os.getpid()} leaves")
        os._exit(0)
    await answer(send, b"parent")


async def lives(receive, send):
    """A child that lives on; the response ends with its connection when the request asks for that."""
    if os.fork() == 0:
        linger()
    await start(send)
    await send({"type": "http.response.body", "body": b"par", "more_body": True})
    await send({"type": "http.response.body", "body": b"ent"})


def fork():
    if os.fork() == 0:
        linger()


async def process(receive, send):
    """The same by `multiprocessing`."""
    multiprocessing.get_context("fork").Process(target=linger, daemon=True).start()
    await answer(send, b"parent")


async def thread_lives(receive, send):
    """Another thread than the loop's forks: in the child it is the only one."""
    await asyncio.get_running_loop().run_in_executor(None, fork)
    await answer(send, b"parent")


async def thread_process(receive, send):
    child = multiprocessing.get_context("fork").Process(target=linger, daemon=True)
    await asyncio.get_running_loop().run_in_executor(None, child.start)
    await answer(send, b"parent")


async def cut(receive, send):
    """Raises in the middle, while a child lives."""
    if os.fork() == 0:
        linger()
    await start(send)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError("in the middle")


async def reap(receive, send):
    """Waits for all children that have ended or will."""
    codes = []
    while True:
        try:
            codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
        except ChildProcessError:
            break
    await answer(send, repr(codes).encode())


async def upload(receive, send):
    size = 0
    async for piece in body_of(receive):
        size += len(piece or b"")
    await answer(send, b"%d" % size)


class Farewell:
    """Sends and receives when the interpreter takes it to pieces."""

    def __init__(self, receive, send):
        self.receive, self.send = receive, send
        self.write, self.stderr = os.write, 2  # module globals may be gone then

    def __del__(self):
        for name, use in (
            ("send", lambda: self.send({"type": "http.response.body", "body": b"late"})),
            ("receive", self.receive),
        ):
            try:
                use()
            except Exception as error:
                self.write(self.stderr, b"farewell: %b raised %b\n" % (name.encode(), repr(error).encode()))
            else:
                self.write(self.stderr, b"farewell: %b returned\n" % name.encode())


async def farewell(receive, send):
    """One in a module, one in `sys`, one in a cycle."""
    await answer(send, b"parent")
    keep(receive, send)


async def farewell_unanswered(receive, send):
    keep(receive, send)
    await receive()
    await receive()


def keep(receive, send):
    globals()["kept"] = Farewell(receive, send)
    sys.kept = Farewell(receive, send)
    cycle = Farewell(receive, send)
    cycle.itself = cycle
    sys.cycle = cycle
    say("kept")


async def hello(receive, send):
    await answer(send, b"%d" % os.getpid())


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    return await globals()[scope["path"][1:]](receive, send)
