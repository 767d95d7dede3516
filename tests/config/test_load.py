import pytest

from asgate.config.binds import Tcp, Unix
from asgate.config.load import from_keywords, load
from asgate.errors import Exit, Failure


def load_in(directory, given=(), environ=None, words=None):
    return load(dict(given), environ={} if environ is None else environ, directory=directory, words=words)


def write(directory, name, text):
    (directory / name).write_text(text)
    return str(directory / name)


def test_the_nearest_source_wins(tmp_path):
    write(tmp_path, "asgate.toml", "backlog = 1\nlimit-head-fields = 1\nbatch = 1\n")
    environ = {"ASGATE_BACKLOG": "2", "ASGATE_BATCH": "2"}
    loaded = load_in(tmp_path, {"backlog": "3"}, environ, {"backlog": "--backlog"})
    settings = loaded.settings
    assert (settings.backlog, settings.batch, settings.limit_head_fields) == (3, 2, 1)
    assert settings.limit_concurrency == 16384
    assert [loaded.sources[name] for name in ("backlog", "batch", "limit_head_fields", "headers")] == [
        "--backlog",
        "the environment variable ASGATE_BATCH",
        str(tmp_path / "asgate.toml"),
        "default",
    ]


def test_pyproject_is_read_when_there_is_no_file_of_ours(tmp_path):
    write(tmp_path, "pyproject.toml", "[tool.asgate]\ntarget = 'main:app'\nheaders = ['X-A: 1']\n")
    loaded = load_in(tmp_path)
    assert loaded.settings.target == "main:app"
    assert loaded.settings.headers == ((b"x-a", b"1"),)
    write(tmp_path, "asgate.toml", "")
    assert load_in(tmp_path).settings.target is None


def test_a_pyproject_without_our_table_is_no_matter(tmp_path):
    write(tmp_path, "pyproject.toml", "[tool.other]\nx = 1\n")
    assert load_in(tmp_path).settings.target is None


def test_the_file_can_be_named_by_flag_and_by_variable(tmp_path):
    path = write(tmp_path, "other.toml", "batch = 5")
    assert load_in(tmp_path, {"config": path}).settings.batch == 5
    assert load_in(tmp_path, environ={"ASGATE_CONFIG": path}).settings.batch == 5


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("prot = 1", "prot from {path} is not an option", "did you mean 'port'"),
        ("workers = 4", "workers from {path} is not in asgate yet", "several processes"),
        ("config = 'x'", "config from {path} is not an option", ""),
        ("port = 'x'", "port is 'x' ({path}), expected a whole number", ""),
        ("port = 1.5", "port is 1.5 ({path}), expected a whole number", ""),
        ("access_log = 1", "access_log is 1 ({path}), expected true or false", ""),
        (
            "app = 'a:b'\ntarget = 'a:b'",
            "target is given twice, as app in {path} and as target in {path}",
            "leave one out",
        ),
        (
            "host = '::1'\nbind = [':1']",
            "the address is given twice, as bind in {path} and as host in {path}",
            "use bind, it takes a list",
        ),
        (
            "workers = 4\nreload = true\nssl-keyfile = 'k'",
            "workers, reload and ssl-keyfile from {path} are not in asgate yet",
            "workers: run several",
        ),
        ("relaod = true", "relaod from {path} is not an option", "did you mean 'reload'? It is not in"),
        ("http = 'h11'", "http from {path} is not in asgate", "one HTTP parser"),
        ("timeout_body = 0", "timeout_body is 0 ({path})", "86400 is a day"),
        ("limit_body_rate = 'x'", "limit_body_rate is 'x'", "after timeout_body; 0"),
        ("port = ", "is not TOML: Invalid value (at line 1, where the file ends)", ""),
        ("batch = 1\n\n[x", "(at line 3, where the file ends)", ""),
        ("port = \n", "is not TOML: Invalid value (at line 1, column 8)", ""),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(tmp_path, text, sentence, hint):
    path = write(tmp_path, "asgate.toml", text)
    with pytest.raises(Failure) as caught:
        load_in(tmp_path)
    assert sentence.format(path=path) in caught.value.sentence
    assert hint in caught.value.hint
    assert caught.value.exit_code is Exit.CONFIG


def test_all_mistakes_of_a_file_are_told(tmp_path):
    path = write(tmp_path, "asgate.toml", "port = 'x'\nprot = 1\nbatch = 0\nbacklog = 5\n")
    with pytest.raises(Failure) as caught:
        load_in(tmp_path)
    first, *lines = caught.value.sentence.split("\n")
    assert first == f"3 mistakes in {path}:"
    assert [line.split()[0] for line in lines] == ["port", "prot", "batch"]
    assert lines[1].endswith("is not an option (did you mean 'port'?)")
    assert (caught.value.hint, caught.value.exit_code) == ("", Exit.CONFIG)


def test_all_mistakes_of_the_environment_are_told(tmp_path):
    with pytest.raises(Failure) as caught:
        load_in(tmp_path, environ={"ASGATE_PORT": "x", "ASGATE_WS": "off", "ASGATE_BACKLOG": "5"})
    first, *lines = caught.value.sentence.split("\n")
    assert first == "2 mistakes in the environment:"
    assert ["ASGATE_PORT" in lines[0], "ASGATE_WS" in lines[1], len(lines)] == [True, True, 2]
    assert caught.value.exit_code is Exit.USAGE


def test_a_named_file_must_be_there(tmp_path):
    with pytest.raises(Failure, match="cannot be read: No such file"):
        load_in(tmp_path, {"config": str(tmp_path / "none.toml")})


def test_a_named_pyproject_must_have_our_table(tmp_path):
    path = write(tmp_path, "pyproject.toml", "")
    with pytest.raises(Failure, match=r"no \[tool.asgate\] table"):
        load_in(tmp_path, {"config": path})


def test_values_that_say_what_asgate_does_anyway_are_accepted(tmp_path):
    write(tmp_path, "asgate.toml", "http2 = false\nreload = false\nbatch = 3\n")
    loaded = load_in(tmp_path, {"workers": 1, "proxy_headers": False}, {"ASGATE_HTTP": "auto"})
    assert loaded.settings.batch == 3
    assert loaded.remarks == ()


def test_kubernetes_is_named_where_it_set_a_variable(tmp_path):
    with pytest.raises(Failure, match="the environment variable ASGATE_PORT") as caught:
        load_in(tmp_path, environ={"ASGATE_PORT": "tcp://10.0.0.1:8000"})
    assert "Kubernetes" in caught.value.hint
    environ = {"ASGATE_SERVICE_HOST": "10.0.0.1", "ASGATE_PORT_8000_TCP_ADDR": "10.0.0.1"}
    remarks = load_in(tmp_path, environ=environ).remarks
    assert len(remarks) == 2
    assert all("Kubernetes" in remark for remark in remarks)


def test_the_file_that_was_found_is_known(tmp_path):
    assert load_in(tmp_path).file is None
    write(tmp_path, "pyproject.toml", "[tool.asgate]\nbatch = 1\n")
    assert load_in(tmp_path).file == str(tmp_path / "pyproject.toml")
    path = write(tmp_path, "asgate.toml", "")
    assert load_in(tmp_path).file == path


def test_two_names_of_one_option_in_one_source_are_refused(tmp_path):
    given = {"graceful_timeout": "1", "timeout_graceful_shutdown": "2"}
    words = {name: "--" + name.replace("_", "-") for name in given}
    with pytest.raises(Failure) as caught:
        load_in(tmp_path, given, words=words)
    assert caught.value.sentence == (
        "graceful_timeout is given twice, as --graceful-timeout and as --timeout-graceful-shutdown"
    )
    environ = {"ASGATE_" + name.upper(): value for name, value in given.items()}
    with pytest.raises(Failure, match="variable ASGATE_GRACEFUL_TIMEOUT and as the environment variable"):
        load_in(tmp_path, environ=environ)


def test_unknown_variables_are_remarked_not_refused(tmp_path):
    loaded = load_in(tmp_path, environ={"ASGATE_PROT": "1", "ASGATE_WORKERS": "2", "OTHER": "3"})
    assert len(loaded.remarks) == 2
    assert "did you mean 'ASGATE_PORT'" in loaded.remarks[0]
    assert "several processes" in loaded.remarks[1]


def test_an_empty_variable_counts_as_unset(tmp_path):
    assert load_in(tmp_path, environ={"ASGATE_PORT": "", "ASGATE_BIND": ""}).settings.bind == (
        Tcp("127.0.0.1", 8000),
    )


def test_a_wrong_variable_names_itself(tmp_path):
    with pytest.raises(Failure, match="the environment variable ASGATE_PORT") as caught:
        load_in(tmp_path, environ={"ASGATE_PORT": "x"})
    assert caught.value.exit_code is Exit.USAGE


def test_several_values_in_one_variable(tmp_path):
    environ = {"ASGATE_BIND": "127.0.0.1:1, unix:/a", "ASGATE_HEADERS": "A: 1, 2\nB: 3"}
    settings = load_in(tmp_path, environ=environ).settings
    assert settings.bind == (Tcp("127.0.0.1", 1), Unix("/a"))
    assert settings.headers == ((b"a", b"1, 2"), (b"b", b"3"))


def test_the_env_file_fills_the_environment_but_does_not_replace_it(tmp_path):
    path = write(tmp_path, ".env", "ASGATE_BACKLOG=7\nASGATE_BATCH=7\nDATABASE=x\n")
    environ = {"ASGATE_BATCH": "8", "DATABASE": "real"}
    settings = load_in(tmp_path, {"env_file": path}, environ).settings
    assert (settings.backlog, settings.batch) == (7, 8)
    assert environ == {"ASGATE_BATCH": "8", "DATABASE": "real", "ASGATE_BACKLOG": "7"}


ENV, FILE = "the environment", "the file"


@pytest.mark.parametrize(
    ("flags", "environ", "file", "binds"),
    [
        ({"port": "1"}, {}, "bind = ['unix:/a']", (Tcp("127.0.0.1", 1),)),
        ({"bind": ("unix:/a",)}, {"ASGATE_PORT": "1"}, "", (Unix("/a"),)),
        ({"port": "1"}, {"ASGATE_HOST": "::1"}, "", (Tcp("::1", 1),)),
        ({"port": "1"}, {"ASGATE_UDS": "/a"}, "host = '::1'", (Tcp("::1", 1),)),
        ({"uds": "/b"}, {"ASGATE_FD": "4"}, "port = 3", (Unix("/b"),)),
        ({}, {}, "host = '0.0.0.0'", (Tcp("0.0.0.0", 8000),)),
    ],
)
def test_the_nearest_way_to_write_an_address_wins(tmp_path, flags, environ, file, binds):
    write(tmp_path, "asgate.toml", file)
    assert load_in(tmp_path, flags, environ).settings.bind == binds


def test_two_ways_in_one_source_are_refused(tmp_path):
    with pytest.raises(Failure, match="given twice, as --bind and as --port"):
        load_in(tmp_path, {"bind": (":1",), "port": "2"}, words={"bind": "--bind", "port": "--port"})


def test_keywords_alone_for_embedding():
    settings = from_keywords({"port": 0, "uds": None, "timeout_graceful_shutdown": 1})
    assert settings.bind == (Tcp("127.0.0.1", 0),)
    assert settings.graceful_timeout == 1.0
    assert from_keywords({"workers": 1, "reload": None}) == from_keywords({})


@pytest.mark.parametrize(
    ("keywords", "sentence", "hint"),
    [
        ({"prot": 0}, "prot from the keywords is not an option", "did you mean 'port'?"),
        ({"zzzzzz": 0}, "zzzzzz from the keywords is not an option", "docs/options.md lists all"),
        (
            {"ssl_keyfile": "x", "workers": 2},
            "ssl_keyfile and workers from the keywords are not in asgate yet",
            "workers: run several processes under your supervisor, each with its own bind",
        ),
        (
            {"port": "x"},
            "port is 'x' (the keyword port), expected a whole number",
            "with host: the same as bind",
        ),
        (
            {"bind": ":1", "port": 1},
            "the address is given twice, as the keyword bind and as the keyword port",
            "use bind, it takes a list",
        ),
        ({"limit_body_rate": "x"}, "limit_body_rate is 'x'", "after timeout_body; 0"),
        ({"factory": "x"}, "factory is 'x' (the keyword factory)", ""),
    ],
)
def test_keywords_are_called_by_their_names_and_never_flags(keywords, sentence, hint):
    with pytest.raises(Failure) as caught:
        from_keywords(keywords)
    assert sentence in caught.value.sentence
    assert hint in caught.value.hint
    assert "--" not in str(caught.value)
