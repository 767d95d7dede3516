"""The version that asgate tells, wherever it is asked for."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

UNKNOWN = "0.0.0+source"
"""For a source tree, a copied directory or a frozen program: nothing says there which version it is."""


def version() -> str:
    """The installed version of asgate, or `UNKNOWN` where its package metadata is missing."""
    try:
        return installed("asgate")
    except PackageNotFoundError:
        return UNKNOWN
