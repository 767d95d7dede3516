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


# As python-dotenv reads it, which is what uvicorn reads these files with.
COMPOSED = """\
FOO=one
BARE=${FOO}/two
DOUBLE="${FOO} ${UNSET} ${UNSET:-a default} ${FOO:-unused}"
SINGLE='${FOO}'
HERE=${REAL}
REAL=file
AFTER=${REAL}
NOT_BRACES=$FOO $(date)
KEY="-----BEGIN KEY-----
abc # no comment

=def
-----END KEY-----"
QUOTED='it\\'s \\n \\\\'
ESCAPES="\\a\\d\\t|\\$"
EMPTY= # a comment
SHARP=#x
LAST=x"""


def test_values_over_several_lines_and_variables_in_them(tmp_path):
    path = tmp_path / ".env"
    path.write_text(COMPOSED)
    assert read_env_file(path, {"REAL": "environment"}) == {
        "FOO": "one",
        "BARE": "one/two",
        "DOUBLE": "one  a default one",
        "SINGLE": "one",
        "HERE": "environment",
        "REAL": "file",
        "AFTER": "environment",
        "NOT_BRACES": "$FOO $(date)",
        "KEY": "-----BEGIN KEY-----\nabc # no comment\n\n=def\n-----END KEY-----",
        "QUOTED": "it's \\n \\",
        "ESCAPES": "\a\\d\t|\\$",
        "EMPTY": "",
        "SHARP": "#x",
        "LAST": "x",
    }


def test_lines_of_a_value_count(tmp_path):
    path = tmp_path / ".env"
    path.write_text("A='1\n2\n'\n\n# comment\nwrong\n")
    with pytest.raises(Failure, match="line 6 of the env file"):
        read_env_file(path)


@pytest.mark.parametrize("text", ["", "\n", "  \n# only a comment", "A=1\r\nB='2'\r\n", "\ufeffA=1\nB=2"])
def test_ends_of_files_and_lines(tmp_path, text):
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    assert read_env_file(path) == ({"A": "1", "B": "2"} if "A" in text else {})


@pytest.mark.parametrize("line", ["no equals", "1NAME=x", "A='open", 'A="open', "A B=c"])
def test_a_wrong_line_is_named_by_its_number_and_not_shown(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(f"OK=1\n{line}\n")
    with pytest.raises(Failure, match="line 2 of the env file") as caught:
        read_env_file(path)
    assert caught.value.exit_code is Exit.CONFIG
    assert line not in str(caught.value), "it may hold a secret"
    assert "in quotes" in caught.value.hint


def test_a_missing_file(tmp_path):
    with pytest.raises(Failure, match="No such file") as caught:
        read_env_file(tmp_path / "none")
    assert caught.value.exit_code is Exit.CONFIG


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(Failure, match="not UTF-8"):
        read_env_file(tmp_path / ".env")
