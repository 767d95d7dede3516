"""A server beside the other work of a program, stopped by a signal and with asgate's messages in the program's log.

python examples/own_program.py
"""

import asyncio
import logging
import signal

import asgate


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"Hello from inside\n"})


async def main():
    server = asgate.Server(app, port=0)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.ask_to_stop, signal.Signals(number).name)
    await server.serve()  # starts, waits until it is asked to stop, and stops


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)  # asgate sets up no logging inside a program
    asyncio.run(main())
