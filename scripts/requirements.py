"""Prints the requirements of an extra of pyproject.toml, one per line, so that it can be installed without a
new build.
"""

import sys
import tomllib
from pathlib import Path


def requirements(extra: str) -> list[str]:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return list(project["optional-dependencies"][extra])


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
