"""What /proc knows about a server: memory, descriptors, threads."""

from pathlib import Path

MIB = 1 << 20


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise AssertionError(f"no {name} in the status of process {pid}")


def resident(pid: int) -> int:
    """Resident memory in bytes."""
    return _status(pid, "VmRSS") * 1024


def peak(pid: int) -> int:
    """The largest resident memory since the process began or since `forget_peak`."""
    return _status(pid, "VmHWM") * 1024


def forget_peak(pid: int) -> None:
    """Begins a new peak (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    """Open file descriptors."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
