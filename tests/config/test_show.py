from asgate.config.load import load
from asgate.config.options import table
from asgate.config.show import effective, toml


def test_every_option_is_there_with_its_source(tmp_path):
    loaded = load({"port": "0"}, environ={"ASGATE_BATCH": "9"}, directory=tmp_path, words={"port": "--port"})
    text = effective(loaded)
    assert 'bind = ["127.0.0.1:0"]  # --port' in text
    assert "batch = 9  # the environment variable ASGATE_BATCH" in text
    assert "access_log = true  # default" in text
    for name in table():
        assert f"\n{name} " in "\n" + text or f"# {name} is not set" in text


def test_it_is_a_file_that_gives_the_same_settings(tmp_path):
    given = {
        "target": "main:app", "bind": ("[::]:1", "unix:/a b"), "headers": ['X-A: "quoted" \\ \xe9'],
        "log_config": {"version": 1, "x": None, "handlers": {"h": {"class": "c"}}}, "uds_mode": "600",
        "limit_body_size": "1G", "access_log_format": '%(h)s "%(r)s"',
    }  # fmt: skip
    loaded = load(given, environ={}, directory=tmp_path)
    (tmp_path / "asgate.toml").write_text(effective(loaded), encoding="utf-8")
    again = load({}, environ={}, directory=tmp_path).settings
    for name in table():
        if name != "log_config":
            assert getattr(again, name) == getattr(loaded.settings, name)
    assert again.log_config == {"version": 1, "handlers": {"h": {"class": "c"}}}


def test_a_file_does_not_name_another(tmp_path):
    (tmp_path / "a.toml").write_text("batch = 3")
    text = effective(load({"config": str(tmp_path / "a.toml")}, environ={}, directory=tmp_path))
    assert f"# options file: {tmp_path / 'a.toml'}" in text


def test_the_file_that_was_found_is_shown(tmp_path):
    (tmp_path / "asgate.toml").write_text("batch = 3")
    text = effective(load({}, environ={}, directory=tmp_path))
    assert f"# options file: {tmp_path / 'asgate.toml'}  # found" in text


def test_toml_values():
    assert toml({"a": [1, 2.5, True, 'x"']}) == '{"a" = [1, 2.5, true, "x\\""]}'
