import os
import sys

import find_pythons


def test_this_interpreters_kind_is_found(tmp_path, monkeypatch):
    version = ".".join(map(str, sys.version_info[:2]))
    (tmp_path / f"python{version}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert find_pythons.find_pythons() == {tuple(sys.version_info[:2]): str(tmp_path / f"python{version}")}


def test_what_only_looks_like_one_is_left_out(tmp_path, monkeypatch):
    fake = tmp_path / "python3.12"
    fake.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert (3, 12) not in find_pythons.find_pythons() or sys.version_info[:2] == (3, 12)
