"""What the numbers were measured on, and the placing of processes on its cores.

Linux only: /proc is read for memory and CPU time. Nothing here knows of servers or scenarios.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cores:
    """One core for the server, another for the load, so that neither takes the other's time."""

    server: int
    load: int

    def enter_load(self) -> None:
        """Moves this process to the load's core; everything it starts from now on is born there."""
        os.sched_setaffinity(0, {self.load})

    def seconds(self) -> float:
        """How long both cores together have been running processes."""
        return sum(core_seconds(core) for core in {self.server, self.load})

    def server_placement(self) -> Callable[[], None]:
        """What a server's process does between fork and exec."""
        return lambda: os.sched_setaffinity(0, {self.server})


def raise_file_limit() -> int:
    """Lifts this process's limit of open files (and that of its children) as far as allowed; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def session_members(leader: int) -> list[int]:
    """The processes of the session that `leader` opened: a server, its workers and whatever they start."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := stat_fields(int(entry.name))) and int(fields[3]) == leader:
            members.append(int(entry.name))
    return members


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes have used so far."""
    fields = [stat_fields(pid) for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields if each) / CLOCK_TICKS


def core_seconds(core: int) -> float:
    """How long a core has been running processes, user and system, since boot."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system = line.split()[1:4]
            return (int(user) + int(nice) + int(system)) / CLOCK_TICKS
    raise ValueError(f"there is no core {core}")


def own_seconds() -> float:
    """CPU time of this process and of the children it has waited for: the load programs that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; none if the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def resident_bytes(pids: list[int], field: str = "VmRSS") -> int:
    """Resident memory of the processes together; `VmHWM` asks for the sum of their peaks."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1]) * 1024
    return total


def reset_peak(pids: list[int]) -> None:
    """Makes the peak of resident memory start again from its present value (proc(5), clear_refs 5)."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def describe_machine(cores: Cores) -> dict[str, str]:
    """The part of the report's header that is about the machine."""
    return {
        "CPU": f"{cpu_model()}, {os.cpu_count()} cores; server on core {cores.server}, load on {cores.load}",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average at start": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith(("model name", "hardware")):
            return line.partition(":")[2].strip()
    return platform.machine()


def first_line(*command: str) -> str:
    """The first line a command prints, on either stream: how programs tell their version."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return ((done.stdout + done.stderr).splitlines() or [""])[0].strip()
