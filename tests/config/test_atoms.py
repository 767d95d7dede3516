import pytest

from asgate.config.atoms import AccessFormat, Piece, pieces


def test_text_atoms_and_headers():
    assert pieces('%(h)s "%(r)s" 100%% %({X-Request-Id}i)s!') == [
        Piece(atom="h"),
        Piece(text=' "'),
        Piece(atom="r"),
        Piece(text='" 100'),
        Piece(text="%"),
        Piece(text=" "),
        Piece(header="x-request-id"),
        Piece(text="!"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%(hh)s", "did you mean 'h'"),
        ("%({name}o)s", "is none"),
        ("%(h)s %s", "%% for a percent sign"),
        ("%(h) %(r)s", "%% for a percent sign"),
    ],
)
def test_unknown_atoms_are_named(text, words):
    with pytest.raises(ValueError) as caught:
        pieces(text)
    assert words in str(caught.value)


def test_a_format_is_a_word_or_has_atoms():
    kind = AccessFormat()
    assert kind.parse("JSON") == "json"
    assert kind.parse("%(h)s") == "%(h)s"
    for wrong in ("", "common", 5, "100%"):
        with pytest.raises(ValueError):
            kind.parse(wrong)
