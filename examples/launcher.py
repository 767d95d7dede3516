"""Several processes that share one listening socket.

python examples/launcher.py examples.hello:app
python examples/launcher.py examples.hello:app 127.0.0.1 8000 4
"""

import signal
import socket
import subprocess
import sys


def main(target, host="127.0.0.1", port="8000", processes="4"):
    shared = socket.create_server((host, int(port)), backlog=2048)
    command = [sys.executable, "-m", "asgate", "run", target, "--bind", f"fd:{shared.fileno()}"]
    workers, asked = [], []

    def stop(number, _):
        asked.append(number)
        for worker in workers:
            worker.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    while len(workers) < int(processes) and not asked:
        # A process group of its own: CTRL+C reaches the launcher alone, which passes it on once.
        worker = subprocess.Popen(command, pass_fds=[shared.fileno()], process_group=0)
        workers.append(worker)
        if asked:  # while this one was being started
            worker.send_signal(asked[0])
    shared.close()  # otherwise clients would still wait in it when all workers have stopped
    codes = [worker.wait() for worker in workers]
    failed = [code for code in codes if code and -code not in asked]
    return failed[0] if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
