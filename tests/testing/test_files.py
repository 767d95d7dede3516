import os

import pytest

from asgate.testing import files
from asgate.testing.errors import MessageRefused


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1024)
    return path


def test_a_path_is_read_in_pieces(path):
    with files.of_path(str(path)) as stretch:
        pieces = list(stretch.chunks())
    assert b"".join(pieces) == path.read_bytes()
    assert max(map(len, pieces)) == files.PIECE


def test_paths_that_are_refused(tmp_path):
    with pytest.raises(MessageRefused, match="absolute"):
        files.of_path("file")
    with pytest.raises(FileNotFoundError):
        files.of_path(str(tmp_path / "missing"))
    with pytest.raises(OSError, match="regular"):
        files.of_path(str(tmp_path))


def test_without_an_offset_the_position_counts_and_moves(path):
    with path.open("rb", buffering=0) as file:
        file.seek(10)
        with files.of_file(file, None, 5) as stretch:
            assert b"".join(stretch.chunks()) == bytes(range(10, 15))
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 15


def test_with_an_offset_it_stays(path):
    with path.open("rb", buffering=0) as file:
        with files.of_file(file, 20, None) as stretch:
            assert b"".join(stretch.chunks()) == path.read_bytes()[20:]
        assert file.tell() == 0


def test_the_descriptor_is_our_own(path):
    with path.open("rb") as file:
        stretch = files.of_file(file, 0, 3)
    with stretch:
        assert list(stretch.chunks()) == [b"\x00\x01\x02"]


def test_what_is_no_file_is_refused():
    with pytest.raises(TypeError, match="fileno"):
        files.of_file(b"bytes", None, None)
