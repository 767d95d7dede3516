import os

import pytest

from asgate.conformance.output import SHOWN, Output


@pytest.fixture
def output(tmp_path):
    output = Output(tmp_path, 10_000)
    yield output
    output.close()


def test_the_file_has_no_name(output, tmp_path):
    assert not list(tmp_path.iterdir())
    output.file.write(b"printed")
    assert (output.size, output.text(), output.text(5)) == (7, "printed", "ed")


def test_what_is_much_is_dropped_except_its_end(output):
    output.file.write(b"x" * 10_000)
    output.trim()
    assert output.size == 10_000
    output.file.write(b"the end")
    output.trim()
    assert (output.size, output.text(0)) == (0, "")
    assert output.text() == "x" * (SHOWN - 7) + "the end"
    output.file.write(b" of all")
    assert (output.size, output.text(0)) == (7, " of all")
    assert output.text().endswith("xxthe end of all")


def test_what_is_being_printed_is_not_dropped(output):
    for size in range(20_000, 90_000, 10_000):
        output.file.write(b"x" * (size - output.size))
        output.trim(printing=True)
        assert output.size == size
    output.trim(printing=True)
    assert output.size == 0


def test_what_is_printed_without_end_is_dropped(output):
    output.file.write(b"x" * 80_000)
    output.trim(printing=True)
    assert output.size == 80_000
    output.file.write(b"y")
    output.trim(printing=True)
    assert output.size == 0
    assert output.text().endswith("xxy")


def test_what_another_process_prints_goes_on_at_the_beginning(output):
    other = os.dup(output.file.fileno())
    os.write(other, b"x" * 20_000)
    output.trim()
    os.write(other, b"y")
    assert output.size == 1
    os.close(other)
