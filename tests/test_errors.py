from asgate.errors import Exit, Failure, did_you_mean


def test_exit_codes_are_distinct_and_explained():
    assert len({int(code) for code in Exit}) == len(list(Exit)) == 14
    assert all(code.meaning.endswith(".") for code in Exit)
    assert (Exit.OK, Exit.USAGE, Exit.STARTUP) == (0, 2, 3)


def test_a_failure_reads_as_a_sentence():
    assert str(Failure(Exit.TARGET, "no such thing", "look there")) == "no such thing (look there)"
    assert str(Failure(Exit.TARGET, "no such thing")) == "no such thing"


def test_did_you_mean():
    assert did_you_mean("prot", ["port", "host"]).startswith("did you mean 'port'")
    assert did_you_mean("zzz", ["port"]) == ""
