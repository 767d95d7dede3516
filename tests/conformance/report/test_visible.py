"""What cannot be seen is shown, what can is left alone."""

import unicodedata

import pytest

from asgate.conformance.report.visible import visible


def test_what_can_be_seen_stays():
    assert visible("plain é \t 漢字 🙂\n") == "plain é \t 漢字 🙂\n"


@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Zl", "Zp"])
def test_no_character_hides(category):
    hidden = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) == category]
    hidden += [chr(code) for code in range(0xE0000, 0xE0080) if unicodedata.category(chr(code)) == category]
    assert {hex(ord(it)) for it in hidden if it not in "\t\n" and visible(it) == it} == set()


def test_escapes_are_pythons():
    assert visible("\x00\r\u202e\ud800\U000e0001") == "\\x00\\r\\u202e\\ud800\\U000e0001"
