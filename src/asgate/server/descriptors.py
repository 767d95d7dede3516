"""The limit of open descriptors: as many as `limit_connections` needs, where the system allows it.

A shell's soft limit is often 1024, for the sake of programs that use `select`; the hard limit, up to which a
process may help itself, is mostly far higher. Only the command and `asgate.run` touch it, a program that
embeds us decides for itself.
"""

import contextlib
import resource

ROOM = 1024  # besides connections: listeners, logs, files being sent, what the application opens for itself


def raise_limit(connections: int) -> int | None:
    """Raises the soft limit as far as so many connections need and the hard limit allows.

    Returns the limit if it stays below `connections`, None if all is well.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _smaller(connections + ROOM, hard)
    if _smaller(soft, wanted) != wanted:
        # Some systems have a ceiling of their own below the hard limit (macOS: kern.maxfilesperproc).
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if _smaller(soft, connections) == connections else soft


def _smaller(one: int, other: int) -> int:
    """The smaller of two limits; "no limit" is -1 on some systems."""
    if resource.RLIM_INFINITY in (one, other):
        return other if one == resource.RLIM_INFINITY else one
    return min(one, other)
