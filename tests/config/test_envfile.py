import pytest

from asgate.config.envfile import read_env_file
from asgate.errors import Exit, Failure

TEXT = """\
# a comment
PLAIN=value
export EXPORTED = spaced out  # comment

SINGLE='no $expansion \\n # here'
DOUBLE="line\\nbreak \\"quoted\\" # here" # comment
EMPTY=
HASH=a#b
URL=postgres://user:pa%24s@host/db?x=1
"""


def test_lines(tmp_path):
    path = tmp_path / ".env"
    path.write_text(TEXT)
    assert read_env_file(path) == {
        "PLAIN": "value",
        "EXPORTED": "spaced out",
        "SINGLE": "no $expansion \\n # here",
        "DOUBLE": 'line\nbreak "quoted" # here',
        "EMPTY": "",
        "HASH": "a#b",
        "URL": "postgres://user:pa%24s@host/db?x=1",
    }


@pytest.mark.parametrize("line", ["no equals", "1NAME=x", "A='open", 'A="open', "A B=c"])
def test_a_wrong_line_is_named_by_its_number_and_not_shown(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(f"OK=1\n{line}\n")
    with pytest.raises(Failure, match="line 2 of the env file") as caught:
        read_env_file(path)
    assert caught.value.exit_code is Exit.CONFIG
    assert line not in str(caught.value), "it may hold a secret"


def test_a_missing_file(tmp_path):
    with pytest.raises(Failure, match="No such file") as caught:
        read_env_file(tmp_path / "none")
    assert caught.value.exit_code is Exit.CONFIG


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(Failure, match="not UTF-8"):
        read_env_file(tmp_path / ".env")
